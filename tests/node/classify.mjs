// node classify.mjs FOLDER < texts.json    prints a JSON array of label, and probability by label, for each text
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { env, pipeline } from "@huggingface/transformers";

const folder = process.argv[2];
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const classify = await pipeline("text-classification", basename(folder), { dtype: "q8" });
const answers = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  const found = await classify(text, { top_k: null });
  answers.push({
    label: found[0].label,
    probabilities: Object.fromEntries(found.map(({ label, score }) => [label, score])),
  });
}
console.log(JSON.stringify(answers));
