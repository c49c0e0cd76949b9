import type { Express } from "express";
import { isAuthenticated } from "../auth";
import { speechToText, textToSpeech } from "./client";

export function registerAudioRoutes(app: Express) {
  // A voice note comes in as base64 and goes out as text.
  app.post("/api/audio/transcribe", isAuthenticated, async (req, res) => {
    res.json({ text: await speechToText(Buffer.from(req.body.audio ?? "", "base64"), req.body.format) });
  });

  app.post("/api/audio/speak", isAuthenticated, async (req, res) => {
    res.type("audio/mpeg").send(await textToSpeech(req.body.text ?? ""));
  });
}
