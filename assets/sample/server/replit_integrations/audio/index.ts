export { speechToText, textToSpeech } from "./client";
export { registerAudioRoutes } from "./routes";
