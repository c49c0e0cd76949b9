import OpenAI from "openai";

export const openai = new OpenAI({
  apiKey: process.env.AI_INTEGRATIONS_OPENAI_API_KEY,
  baseURL: process.env.AI_INTEGRATIONS_OPENAI_BASE_URL,
});

/** A PNG as base64. */
export async function generateImage(prompt: string, size: "1024x1024" | "512x512" | "256x256" = "1024x1024") {
  const response = await openai.images.generate({ model: "gpt-image-1", prompt, size });
  return response.data?.[0]?.b64_json ?? "";
}
