// Render a Jinja chat template with the engine that LM Studio uses, and convert it for Ollama as the Hugging Face hub does.
// Standard input is {"template", "bos", "eos", "conversations"}; the argument is the folder of the npm packages.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.argv[2]}/`);
const { Template } = require("@huggingface/jinja");
const { convertGGUFTemplateToOllama } = require("@huggingface/ollama-utils");

const { template, bos, eos, conversations } = JSON.parse(readFileSync(0, "utf-8"));
const parsed = new Template(template);
const prompts = conversations.map((messages) =>
  parsed.render({ messages, add_generation_prompt: true, bos_token: bos, eos_token: eos }),
);
let converted = null;
try {
  converted = convertGGUFTemplateToOllama({ chat_template: template, bos_token: bos, eos_token: eos })?.ollama ?? null;
} catch {
  // It gives up on some templates with an exception.
}
console.log(JSON.stringify({ prompts, converted }));
