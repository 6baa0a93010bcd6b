"""The way of a run: load, plan, complete, judge, record, summarise, report; no stage imports another."""
