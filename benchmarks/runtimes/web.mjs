// node web.mjs MODEL.onnx < rows.json    prints the version of onnxruntime-web and the label ids, as JSON
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// the packages are those of tests/node, from where this is run
const require = createRequire(join(process.cwd(), "package.json"));
const ort = require("onnxruntime-web");
const folder = dirname(require.resolve("onnxruntime-web"));
const { version } = JSON.parse(readFileSync(join(folder, "../package.json"), "utf8"));
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(process.argv[2])));
const labels = [];
for (const row of JSON.parse(readFileSync(0, "utf8"))) {
  const tensor = (values) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), [1, row.length]);
  const { logits } = await session.run({ input_ids: tensor(row), attention_mask: tensor(row.map(() => 1)) });
  labels.push(logits.data.indexOf(Math.max(...logits.data)));
}
console.log(JSON.stringify({ version, labels }));
