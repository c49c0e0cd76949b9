import OpenAI, { toFile } from "openai";

export const openai = new OpenAI({
  apiKey: process.env.AI_INTEGRATIONS_OPENAI_API_KEY,
  baseURL: process.env.AI_INTEGRATIONS_OPENAI_BASE_URL,
});

export async function speechToText(audio: Buffer, format: "wav" | "mp3" | "webm" = "wav") {
  const file = await toFile(audio, `audio.${format}`);
  return (await openai.audio.transcriptions.create({ file, model: "gpt-4o-mini-transcribe" })).text;
}

export async function textToSpeech(input: string, voice: "alloy" | "nova" = "alloy") {
  const response = await openai.audio.speech.create({ model: "gpt-4o-mini-tts", voice, input });
  return Buffer.from(await response.arrayBuffer());
}
