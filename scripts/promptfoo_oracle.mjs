// Asks promptfoo itself which answers its assertions pass; tests/importing/test_oracle.py compares ours with it.
//
//   npm install promptfoo@0.123.1 --ignore-scripts     (in a folder of its own)
//   node promptfoo_oracle.mjs tests/data/importing/promptfoo_oracle.json
//
// Reads the assertions and the answers of the file, and writes behind each assertion a digit for each answer:
// 1 passes, 0 fails, e is an error.
import fs from "fs";

const path = process.argv[2];
const { assertions } = await import("promptfoo");
const oracle = JSON.parse(fs.readFileSync(path, "utf8"));
const asked = oracle.assertions.map((row) => (Array.isArray(row) ? row[0] : row));

async function verdict(assertion, output) {
  const call = { assertion, test: { vars: {} }, prompt: "x", latencyMs: 1250 };
  try {
    const result = await assertions.runAssertion({ ...call, providerResponse: { output, cost: 0.001 } });
    return result.pass ? "1" : "0";
  } catch {
    return "e";
  }
}

const passes = [];
for (const assertion of asked) {
  const row = [];
  for (const answer of oracle.answers) row.push(await verdict(assertion, answer));
  passes.push(row.join(""));
}
const installed = JSON.parse(fs.readFileSync("node_modules/promptfoo/package.json", "utf8"));
const rows = asked.map((assertion, index) => JSON.stringify([assertion, passes[index]]));
fs.writeFileSync(
  path,
  `{"promptfoo": ${JSON.stringify(installed.version)},\n"answers": ${JSON.stringify(oracle.answers)},\n"assertions": [\n` +
    `${rows.join(",\n")}\n]}\n`,
);
process.exit(0);
