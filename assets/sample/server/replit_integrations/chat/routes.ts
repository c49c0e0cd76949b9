import type { Express } from "express";
import OpenAI from "openai";
import { isAuthenticated } from "../auth";
import { chatStorage } from "./storage";

const openai = new OpenAI({
  apiKey: process.env.AI_INTEGRATIONS_OPENAI_API_KEY,
  baseURL: process.env.AI_INTEGRATIONS_OPENAI_BASE_URL,
});

export function registerChatRoutes(app: Express) {
  app.get("/api/conversations", isAuthenticated, async (_req, res) => {
    res.json(await chatStorage.listConversations());
  });

  app.post("/api/conversations", isAuthenticated, async (req, res) => {
    res.status(201).json(await chatStorage.createConversation(req.body.title || "New chat"));
  });

  app.delete("/api/conversations/:id", isAuthenticated, async (req, res) => {
    await chatStorage.deleteConversation(Number(req.params.id));
    res.status(204).send();
  });

  // The answer comes as server-sent events, word by word.
  app.post("/api/conversations/:id/messages", isAuthenticated, async (req, res) => {
    const id = Number(req.params.id);
    await chatStorage.addMessage(id, "user", req.body.content);
    const history = await chatStorage.listMessages(id);

    res.setHeader("Content-Type", "text/event-stream");
    res.setHeader("Cache-Control", "no-cache");
    const stream = await openai.chat.completions.create({
      model: "gpt-5.1",
      messages: history.map((m) => ({ role: m.role as "user" | "assistant", content: m.content })),
      stream: true,
    });
    let answer = "";
    for await (const chunk of stream) {
      const content = chunk.choices[0]?.delta?.content ?? "";
      answer += content;
      if (content) res.write(`data: ${JSON.stringify({ content })}\n\n`);
    }
    await chatStorage.addMessage(id, "assistant", answer);
    res.end(`data: ${JSON.stringify({ done: true })}\n\n`);
  });
}
