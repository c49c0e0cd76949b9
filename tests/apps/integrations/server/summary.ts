import OpenAI from "openai";
import { send } from "./mail";

const openai = new OpenAI({
  apiKey: process.env.AI_INTEGRATIONS_OPENAI_API_KEY,
  baseURL: process.env.AI_INTEGRATIONS_OPENAI_BASE_URL,
});

/** new OpenAI() elsewhere would throw as well */
export async function summarize(kind: string) {
  const lazy = () => new OpenAI({ apiKey: "later" });
  const answer = await openai.responses.create({ model: "gpt-4.1-mini", input: kind });
  await send("team@example.com", answer.output_text ?? String(lazy));
}
