// A template's use of OpenAI's client, against the adapter. Bedrock, Polly, Transcribe and its bucket are scripted stand-ins here on
// loopback, in the shapes that AWS documents: no model answers.
const assert = require("node:assert/strict");
const http = require("node:http");
const http2 = require("node:http2");
const zlib = require("node:zlib");

/** One event of a stream, as application/vnd.amazon.eventstream. */
function event(type, payload) {
  const header = (name, value) => {
    const out = Buffer.alloc(1 + name.length + 3 + value.length);
    out.writeUInt8(name.length);
    out.write(name, 1);
    out.writeUInt8(7, 1 + name.length);
    out.writeUInt16BE(value.length, 2 + name.length);
    out.write(value, 4 + name.length);
    return out;
  };
  const headers = Buffer.concat([header(":event-type", type), header(":content-type", "application/json"), header(":message-type", "event")]);
  const body = Buffer.from(JSON.stringify(payload));
  const all = Buffer.alloc(12 + headers.length + body.length + 4);
  all.writeUInt32BE(all.length, 0);
  all.writeUInt32BE(headers.length, 4);
  all.writeUInt32BE(zlib.crc32(all.subarray(0, 8)), 8);
  headers.copy(all, 12);
  body.copy(all, 12 + headers.length);
  all.writeUInt32BE(zlib.crc32(all.subarray(0, -4)), all.length - 4);
  return all;
}

const seen = [];
const stored = new Map();
let polls = 0;
async function answer(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const path = decodeURIComponent(request.url.split("?")[0]);
  const give = (status, type, data) => { response.writeHead(status, { "content-type": type }); response.end(data); };
  const json = (data, status = 200) => give(status, "application/json", JSON.stringify(data));
  if (path.endsWith("/converse")) {
    const said = JSON.parse(body);
    seen.push({ path, said });
    const asked = said.messages.at(-1).content[0].text ?? "";
    if (asked === "refuse") {
      response.setHeader("x-amzn-errortype", "ThrottlingException");
      return json({ message: "slow down" }, 400);
    }
    const content = said.toolConfig ? [{ text: "let me see" }, { toolUse: { toolUseId: "t1", name: said.toolConfig.tools[0].toolSpec.name, input: { city: "Ulm" } } }] : [{ text: asked === "json" ? '```json\n{"a":1}\n```' : "hello" }];
    return json({ output: { message: { role: "assistant", content } }, stopReason: said.toolConfig ? "tool_use" : "end_turn", usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 }, metrics: { latencyMs: 1 } });
  }
  if (path.endsWith("/converse-stream")) {
    response.writeHead(200, { "content-type": "application/vnd.amazon.eventstream" });
    for (const [type, payload] of [
      ["messageStart", { role: "assistant" }],
      ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "hel" } }],
      ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "lo ü" } }],
      ["contentBlockStop", { contentBlockIndex: 0 }],
      ["contentBlockStart", { contentBlockIndex: 1, start: { toolUse: { toolUseId: "t2", name: "weather" } } }],
      ["contentBlockDelta", { contentBlockIndex: 1, delta: { toolUse: { input: '{"city":' } } }],
      ["contentBlockDelta", { contentBlockIndex: 1, delta: { toolUse: { input: '"Ulm"}' } } }],
      ["messageStop", { stopReason: "tool_use" }],
      ["metadata", { usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 }, metrics: { latencyMs: 1 } }],
    ]) response.write(event(type, payload));
    return response.end();
  }
  if (path.endsWith("/invoke")) {
    seen.push({ path, said: JSON.parse(body) });
    return json({ images: [Buffer.from("png").toString("base64")] });
  }
  if (path === "/v1/speech") {
    seen.push({ path, said: JSON.parse(body) });
    return give(200, "audio/mpeg", "sound");
  }
  const target = request.headers["x-amz-target"] ?? "";
  if (target.endsWith("StartTranscriptionJob")) {
    const said = JSON.parse(body);
    seen.push({ path: target, said });
    assert.ok(stored.has(said.Media.MediaFileUri.replace("s3://sounds", "/sounds")), "the sound is there before the job begins");
    stored.set(`/sounds/${said.OutputKey}`, Buffer.from(JSON.stringify({ results: { transcripts: [{ transcript: "good morning" }] } })));
    return json({ TranscriptionJob: { TranscriptionJobStatus: "IN_PROGRESS" } });
  }
  if (target.endsWith("GetTranscriptionJob")) return json({ TranscriptionJob: { TranscriptionJobStatus: (polls += 1) < 2 ? "IN_PROGRESS" : "COMPLETED" } });
  if (target.endsWith("DeleteTranscriptionJob")) return seen.push({ path: target }), json({});
  if (path.startsWith("/sounds/")) {
    if (request.method === "PUT") stored.set(path, body);
    if (request.method === "DELETE") stored.delete(path);
    return request.method === "GET" ? give(200, "application/json", stored.get(path)) : give(request.method === "DELETE" ? 204 : 200, "text/plain", undefined);
  }
  return json({ message: `unexpected ${request.method} ${path}` }, 500);
}

(async () => {
  // The clients of Bedrock and Polly speak HTTP/2, the others HTTP/1.1.
  const [one, two] = [http.createServer(answer), http2.createServer(answer)];
  for (const server of [one, two]) await new Promise((go) => server.listen(0, "127.0.0.1", go));
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${one.address().port}`,
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: `http://127.0.0.1:${two.address().port}`,
    AWS_ENDPOINT_URL_POLLY: `http://127.0.0.1:${two.address().port}`,
    AWS_REGION: "us-east-1", AWS_ACCESS_KEY_ID: "sandbox", AWS_SECRET_ACCESS_KEY: "sandbox", AWS_MAX_ATTEMPTS: "1",
    TRANSCRIBE_BUCKET: "sounds",
  });
  const OpenAI = require("openai");
  const { APIError, NotCovered, toFile } = OpenAI;
  const openai = new OpenAI({ apiKey: process.env.AI_INTEGRATIONS_OPENAI_API_KEY, baseURL: process.env.AI_INTEGRATIONS_OPENAI_BASE_URL });
  const user = (content) => ({ model: "gpt-5", messages: [{ role: "user", content }] });

  await assert.rejects(openai.chat.completions.create(user("hi")), /BEDROCK_TEXT_MODEL_ID is not set/);
  process.env.BEDROCK_TEXT_MODEL_ID = "some.text-model:0";
  process.env.BEDROCK_IMAGE_MODEL_ID = "amazon.nova-canvas-v1:0";

  const png = Buffer.from("picture").toString("base64");
  const got = await openai.chat.completions.create({
    model: "gpt-5",
    messages: [
      { role: "system", content: "be short" },
      { role: "user", content: "one" },
      { role: "user", content: [{ type: "text", text: "two" }, { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } }] },
      { role: "assistant", content: null, tool_calls: [{ id: "c1", type: "function", function: { name: "weather", arguments: '{"city":"Ulm"}' } }] },
      { role: "tool", tool_call_id: "c1", content: "rain" },
    ],
    max_completion_tokens: 100, temperature: 0.2, stop: "END",
  });
  assert.deepEqual([got.choices[0].message.content, got.choices[0].finish_reason, got.usage.total_tokens, got.model], ["hello", "stop", 5, "some.text-model:0"]);
  assert.equal(seen[0].path, "/model/some.text-model:0/converse");
  assert.deepEqual(seen[0].said, {
    system: [{ text: "be short" }],
    messages: [
      { role: "user", content: [{ text: "one" }, { text: "two" }, { image: { format: "png", source: { bytes: png } } }] },
      { role: "assistant", content: [{ toolUse: { toolUseId: "c1", name: "weather", input: { city: "Ulm" } } }] },
      { role: "user", content: [{ toolResult: { toolUseId: "c1", content: [{ text: "rain" }] } }] },
    ],
    inferenceConfig: { maxTokens: 100, temperature: 0.2, stopSequences: ["END"] },
  });
  const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
  const called = (await openai.chat.completions.create({ ...user("weather?"), tools })).choices[0];
  assert.equal(called.finish_reason, "tool_calls");
  assert.deepEqual(called.message.tool_calls, [{ id: "t1", type: "function", function: { name: "weather", arguments: '{"city":"Ulm"}' } }]);
  assert.equal((await openai.chat.completions.create({ ...user("json"), response_format: { type: "json_object" } })).choices[0].message.content, '{"a":1}');
  const formed = await openai.chat.completions.create({ ...user("x"), response_format: { type: "json_schema", json_schema: { name: "city", schema: { type: "object" } } } });
  assert.deepEqual([formed.choices[0].message.content, formed.choices[0].finish_reason], ['{"city":"Ulm"}', "stop"]);

  const chunks = [];
  for await (const chunk of await openai.chat.completions.create({ ...user("hi"), stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
  assert.equal(chunks.map((c) => c.choices[0]?.delta.content ?? "").join(""), "hello ü");
  assert.equal(chunks.map((c) => c.choices[0]?.delta.tool_calls?.[0].function.arguments ?? "").join(""), '{"city":"Ulm"}');
  assert.deepEqual([chunks.at(-2).choices[0].finish_reason, chunks.at(-1).usage.total_tokens], ["tool_calls", 3]);
  // Leaving the loop early ends the request, and nothing hangs.
  for await (const _ of await openai.chat.completions.create({ ...user("hi"), stream: true })) break;

  const picture = await openai.images.generate({ model: "gpt-image-1", prompt: "a cat", size: "512x512" });
  assert.equal(Buffer.from(picture.data[0].b64_json, "base64").toString(), "png");
  assert.deepEqual(seen.at(-1).said.imageGenerationConfig, { numberOfImages: 1, width: 512, height: 512, quality: "standard" });
  const sound = await openai.audio.speech.create({ model: "gpt-4o-mini-tts", voice: "alloy", input: "good morning" });
  assert.equal(Buffer.from(await sound.arrayBuffer()).toString(), "sound");
  assert.deepEqual(seen.at(-1).said, { Engine: "neural", OutputFormat: "mp3", Text: "good morning", VoiceId: "Joanna" });
  const heard = await openai.audio.transcriptions.create({ file: await toFile(Buffer.from("sound"), "a.webm"), model: "whisper-1", language: "en" });
  assert.deepEqual(heard, { text: "good morning" });
  assert.equal(stored.size, 0, "neither sound nor text is left in the bucket");
  assert.match(seen.at(-1).path, /DeleteTranscriptionJob/);

  await assert.rejects(openai.chat.completions.create(user("refuse")), (error) => error instanceof APIError && error.status === 400 && /ThrottlingException: slow down/.test(error.message));
  for (const [work, says] of [
    [() => openai.chat.completions.create({ ...user("x"), n: 2 }), "chat.completions with n"],
    [() => openai.chat.completions.create({ ...user("x"), frequency_penalty: 1 }), "chat.completions with frequency_penalty"],
    [() => openai.chat.completions.create(user([{ type: "image_url", image_url: { url: "https://example.com/a.png" } }])), "an image by its address"],
    [() => openai.chat.completions.create({ ...user("x"), modalities: ["audio"] }), "chat.completions with modalities"],
    [() => openai.images.generate({ prompt: "x", response_format: "url" }), "response_format url"],
    [async () => openai.images.edit({}), "images.edit"],
    [async () => openai.embeddings.create({}), "embeddings"],
    [async () => openai.responses.create({}), "responses"],
    [() => openai.audio.speech.create({ voice: "alloy", input: "x", response_format: "wav" }), "speech as wav"],
    [() => openai.audio.transcriptions.create({ file: new Blob(["x"]) }), "the sound file without a name"],
  ]) await assert.rejects(async () => work(), (error) => error instanceof NotCovered && error.message.startsWith(`${says} is not covered by the adapter`), says);
  console.log("all of bedrock-openai holds");
  process.exit(0);
})().catch((error) => { console.error(error); process.exit(1); });
