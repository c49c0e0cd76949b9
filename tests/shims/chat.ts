// Calls in the shape of the templates' AI routes, with their types.
import OpenAI, { toFile } from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";

const openai = new OpenAI({
  apiKey: process.env.AI_INTEGRATIONS_OPENAI_API_KEY,
  baseURL: process.env.AI_INTEGRATIONS_OPENAI_BASE_URL,
});

export async function chat(history: { role: "user" | "assistant"; content: string }[]): Promise<string> {
  const system: ChatCompletionMessageParam = { role: "system", content: "be short" };
  const messages: OpenAI.Chat.ChatCompletionMessageParam[] = [system, ...history];
  const stream = await openai.chat.completions.create({ model: "gpt-5.1", messages, stream: true, max_completion_tokens: 2048 });
  let all = "";
  for await (const chunk of stream) all += chunk.choices[0]?.delta?.content || "";
  const whole = await openai.chat.completions.create({ model: "gpt-5.1", messages, response_format: { type: "json_object" } });
  return all + JSON.parse(whole.choices[0]?.message?.content ?? "{}").text;
}

export async function picture(prompt: string): Promise<Buffer> {
  const response = await openai.images.generate({ model: "gpt-image-1", prompt, size: "1024x1024" });
  return Buffer.from(response.data?.[0]?.b64_json ?? "", "base64");
}

export async function voice(text: string, sound: Buffer): Promise<{ mp3: Buffer; text: string }> {
  const speech = await openai.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "alloy", input: text });
  const file = await toFile(sound, "recording.webm");
  const heard = await openai.audio.transcriptions.create({ file, model: "gpt-4o-mini-transcribe" });
  return { mp3: Buffer.from(await speech.arrayBuffer()), text: heard.text };
}
