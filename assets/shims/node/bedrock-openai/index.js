// The part of OpenAI's client that Replit's templates use, on AWS: chat (with and without stream, tools, images in messages) and images on
// Amazon Bedrock, speech on Polly, transcriptions on Transcribe. What is not covered throws and says so: nothing is silently left out
// but what README.md lists. Models come from the environment, never from the code. Written by migrate-wizard, yours to change.
"use strict";

const { randomUUID } = require("node:crypto");
const { setTimeout: pause } = require("node:timers/promises");
const { BedrockRuntimeClient, ConverseCommand, ConverseStreamCommand, InvokeModelCommand } = require("@aws-sdk/client-bedrock-runtime");
const { PollyClient, SynthesizeSpeechCommand } = require("@aws-sdk/client-polly");
const { S3Client, DeleteObjectCommand, GetObjectCommand, PutObjectCommand } = require("@aws-sdk/client-s3");
const { TranscribeClient, DeleteTranscriptionJobCommand, GetTranscriptionJobCommand, StartTranscriptionJobCommand } = require("@aws-sdk/client-transcribe");

class OpenAIError extends Error {}
class APIError extends OpenAIError {
  constructor(status, message) {
    super(status ? `${status} ${message}` : message);
    this.status = status;
  }
}
class NotCovered extends OpenAIError {
  constructor(what, instead) {
    super(`${what} is not covered by the adapter to Amazon Bedrock: ${instead}`);
    this.name = "NotCovered";
  }
}

/** Errors of AWS in the shape that callers catch. */
async function asked(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OpenAIError) throw error;
    throw new APIError(error?.$metadata?.httpStatusCode, `${error?.name ?? "Error"}: ${error?.message ?? error}`);
  }
}

function named(variable, what) {
  const value = process.env[variable];
  if (!value) throw new OpenAIError(`${variable} is not set: the id of ${what} (README.md)`);
  return value;
}

// --- chat

/** What means something here; the second list may be given and changes nothing. Everything else throws. */
const KNOWN = new Set(["model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "tools", "tool_choice", "response_format"]);
const WITHOUT_EFFECT = new Set(["user", "store", "metadata", "seed", "reasoning_effort", "parallel_tool_calls", "service_tier", "safety_identifier", "prompt_cache_key"]);
const AS_DEFAULT = { n: 1, presence_penalty: 0, frequency_penalty: 0, logprobs: false };
const ANSWER = "answer";

function request(params) {
  for (const [key, value] of Object.entries(params)) {
    if (value === undefined || value === null || KNOWN.has(key) || WITHOUT_EFFECT.has(key) || AS_DEFAULT[key] === value) continue;
    throw new NotCovered(`chat.completions with ${key}`, "leave it out, or keep this call with the vendor");
  }
  const system = [];
  const messages = [];
  for (const message of params.messages) {
    const { role, content } = message;
    if (role === "system" || role === "developer") {
      system.push({ text: textOf(content) });
      continue;
    }
    const turn = turnOf(message);
    const last = messages.at(-1);
    // Converse wants the two sides to take turns.
    if (last?.role === turn.role) last.content.push(...turn.content);
    else messages.push(turn);
  }
  const format = params.response_format?.type ?? "text";
  if (!["text", "json_object", "json_schema"].includes(format)) throw new NotCovered(`response_format ${format}`, "text, json_object and json_schema are");
  if (format === "json_object") system.push({ text: "Answer with one JSON object and nothing else: no words before or after it, no code fence." });
  let toolConfig = params.tools?.length && params.tool_choice !== "none" ? toolsOf(params) : undefined;
  if (format === "json_schema") {
    if (toolConfig || params.stream) throw new NotCovered("response_format json_schema together with tools or stream", "ask for one of them");
    const { schema, description } = params.response_format.json_schema;
    toolConfig = { tools: [{ toolSpec: { name: ANSWER, description: description ?? "the answer", inputSchema: { json: schema } } }], toolChoice: { tool: { name: ANSWER } } };
  }
  const maxTokens = params.max_completion_tokens ?? params.max_tokens ?? undefined;
  const stop = params.stop == null ? undefined : [params.stop].flat();
  return {
    modelId: named("BEDROCK_TEXT_MODEL_ID", "a text model or inference profile"),
    messages,
    ...(system.length > 0 ? { system } : {}),
    inferenceConfig: { maxTokens, temperature: params.temperature ?? undefined, topP: params.top_p ?? undefined, stopSequences: stop },
    ...(toolConfig ? { toolConfig } : {}),
  };
}

function textOf(content) {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => { if (part.type !== "text") throw new NotCovered(`a part ${part.type} here`, "only text is taken"); return part.text; }).join("");
}

function turnOf(message) {
  switch (message.role) {
    case "user":
      return { role: "user", content: typeof message.content === "string" ? [{ text: message.content }] : message.content.map(partOf) };
    case "assistant": {
      const text = textOf(message.content);
      const calls = (message.tool_calls ?? []).map((call) => ({ toolUse: { toolUseId: call.id, name: call.function.name, input: JSON.parse(call.function.arguments || "{}") } }));
      return { role: "assistant", content: [...(text ? [{ text }] : []), ...calls] };
    }
    case "tool":
      return { role: "user", content: [{ toolResult: { toolUseId: message.tool_call_id, content: [{ text: textOf(message.content) }] } }] };
    default:
      throw new NotCovered(`a message of the role ${message.role}`, "system, developer, user, assistant and tool are");
  }
}

function partOf(part) {
  if (part.type === "text") return { text: part.text };
  if (part.type !== "image_url") throw new NotCovered(`a message part ${part.type}`, "text and image_url are");
  const data = /^data:image\/(png|jpeg|gif|webp);base64,(.+)$/s.exec(part.image_url.url);
  if (!data) throw new NotCovered("an image by its address", "Bedrock loads none: give it as a data: URL (png, jpeg, gif, webp)");
  return { image: { format: data[1], source: { bytes: Buffer.from(data[2], "base64") } } };
}

function toolsOf({ tools, tool_choice: choice }) {
  const list = tools.map((tool) => {
    if (tool.type !== "function") throw new NotCovered(`a tool of the type ${tool.type}`, "only functions are");
    const { name, description, parameters } = tool.function;
    return { toolSpec: { name, description: description || name, inputSchema: { json: parameters ?? { type: "object", properties: {} } } } };
  });
  const toolChoice = !choice || choice === "auto" ? { auto: {} } : choice === "required" ? { any: {} } : { tool: { name: choice.function.name } };
  return { tools: list, toolChoice };
}

const REASONS = { end_turn: "stop", stop_sequence: "stop", max_tokens: "length", tool_use: "tool_calls", content_filtered: "content_filter", guardrail_intervened: "content_filter" };
const usageOf = (usage) => ({ prompt_tokens: usage?.inputTokens ?? 0, completion_tokens: usage?.outputTokens ?? 0, total_tokens: usage?.totalTokens ?? 0 });
const unfenced = (text) => /^\s*```(?:json)?\s*([\s\S]*?)\s*```\s*$/.exec(text)?.[1] ?? text;

function completion(input, params, answer) {
  const blocks = answer.output?.message?.content ?? [];
  let text = blocks.map((block) => block.text ?? "").join("");
  const calls = blocks.filter((block) => block.toolUse).map(({ toolUse }) => ({ id: toolUse.toolUseId, type: "function", function: { name: toolUse.name, arguments: JSON.stringify(toolUse.input) } }));
  const format = params.response_format?.type;
  if (format === "json_object") text = unfenced(text);
  const asAnswer = format === "json_schema" ? calls.find((call) => call.function.name === ANSWER) : undefined;
  const message = asAnswer
    ? { role: "assistant", content: asAnswer.function.arguments, refusal: null }
    : { role: "assistant", content: text || (calls.length > 0 ? null : ""), refusal: null, ...(calls.length > 0 ? { tool_calls: calls } : {}) };
  const reason = asAnswer ? "stop" : (REASONS[answer.stopReason] ?? "stop");
  return {
    id: `chatcmpl-${randomUUID()}`,
    object: "chat.completion",
    created: Math.floor(Date.now() / 1000),
    model: input.modelId,
    choices: [{ index: 0, message, finish_reason: reason, logprobs: null }],
    usage: usageOf(answer.usage),
  };
}

/** Chunks as they come; a `break` out of the loop ends the request. */
class Stream {
  constructor(events, head, withUsage, controller) {
    Object.assign(this, { events, head, withUsage, controller });
  }
  async *[Symbol.asyncIterator]() {
    const chunk = (delta, finish_reason = null) => ({ ...this.head, choices: [{ index: 0, delta, finish_reason, logprobs: null }] });
    let calls = -1;
    let ended = false;
    try {
      for await (const event of this.events) {
        if (event.messageStart) yield chunk({ role: "assistant", content: "" });
        else if (event.contentBlockStart?.start?.toolUse) {
          const { toolUseId: id, name } = event.contentBlockStart.start.toolUse;
          calls += 1;
          yield chunk({ tool_calls: [{ index: calls, id, type: "function", function: { name, arguments: "" } }] });
        } else if (event.contentBlockDelta?.delta?.text) yield chunk({ content: event.contentBlockDelta.delta.text });
        else if (event.contentBlockDelta?.delta?.toolUse) yield chunk({ tool_calls: [{ index: calls, function: { arguments: event.contentBlockDelta.delta.toolUse.input } }] });
        else if (event.messageStop) yield chunk({}, REASONS[event.messageStop.stopReason] ?? "stop");
        else if (event.metadata && this.withUsage) yield { ...this.head, choices: [], usage: usageOf(event.metadata.usage) };
      }
      ended = true;
    } catch (error) {
      ended = true;
      throw new APIError(error?.$metadata?.httpStatusCode, `${error?.name ?? "Error"}: ${error?.message ?? error}`);
    } finally {
      if (!ended) this.controller.abort();
    }
  }
}

// --- sound

const SOUNDS = { mp3: ["mp3", "audio/mpeg"], opus: ["ogg_opus", "audio/ogg"] };
/** Voices of Polly with the engine `neural` for the names that the templates use; POLLY_VOICE_ALLOY and so on choose others. */
const VOICES = { alloy: "Joanna", ash: "Matthew", coral: "Ruth", echo: "Stephen", fable: "Amy", nova: "Danielle", onyx: "Gregory", sage: "Salli", shimmer: "Kendra" };
const FORMATS = { mp3: "mp3", mpga: "mp3", mpeg: "mp3", mp4: "mp4", m4a: "m4a", wav: "wav", flac: "flac", ogg: "ogg", webm: "webm", amr: "amr" };
const LANGUAGES = { en: "en-US", de: "de-DE", fr: "fr-FR", es: "es-ES", it: "it-IT", pt: "pt-BR", nl: "nl-NL", ja: "ja-JP", ko: "ko-KR", zh: "zh-CN", ar: "ar-SA", hi: "hi-IN", ru: "ru-RU", tr: "tr-TR", sv: "sv-SE", da: "da-DK", pl: "pl-PL" };

async function bytesOf(file) {
  if (typeof file?.arrayBuffer === "function") return Buffer.from(await file.arrayBuffer());
  if (file?.[Symbol.asyncIterator]) {
    const chunks = [];
    for await (const chunk of file) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }
  throw new OpenAIError("file: expected a File, a Blob or a stream");
}

async function toFile(value, name, options = {}) {
  const data = await value;
  const bytes = Buffer.isBuffer(data) || data instanceof Uint8Array || typeof data === "string" ? data : await bytesOf(data);
  return new File([bytes], name ?? data?.name ?? "file", options);
}

/** Anything that is not there is named at the first use. */
function only(path, there) {
  return new Proxy(there, {
    get(target, key) {
      if (key in target || typeof key === "symbol" || key === "then" || key === "toJSON") return target[key];
      throw new NotCovered(`${path}${String(key)}`, "keep this call with the vendor, or write it for AWS");
    },
  });
}

class OpenAI {
  /** Keys and addresses of OpenAI mean nothing here: AWS credentials are found as by every AWS SDK. */
  constructor(options = {}) {
    const config = options.awsRegion ? { region: options.awsRegion } : {};
    const one = (Client) => { let made; return () => (made ??= new Client(config)); };
    const bedrock = one(BedrockRuntimeClient);
    const polly = one(PollyClient);
    const transcribe = one(TranscribeClient);
    const own = process.env.AWS_ENDPOINT_URL_S3 || process.env.AWS_ENDPOINT_URL;
    let bucketClient;
    const s3 = () => (bucketClient ??= new S3Client({ ...config, forcePathStyle: Boolean(own) }));

    const chat = async (params, { signal } = {}) => {
      const input = request(params);
      if (!params.stream) return completion(input, params, await asked(() => bedrock().send(new ConverseCommand(input), { abortSignal: signal })));
      const controller = new AbortController();
      signal?.addEventListener("abort", () => controller.abort(), { once: true });
      const { stream } = await asked(() => bedrock().send(new ConverseStreamCommand(input), { abortSignal: controller.signal }));
      const head = { id: `chatcmpl-${randomUUID()}`, object: "chat.completion.chunk", created: Math.floor(Date.now() / 1000), model: input.modelId };
      return new Stream(stream, head, Boolean(params.stream_options?.include_usage), controller);
    };

    const images = async (params) => {
      const modelId = named("BEDROCK_IMAGE_MODEL_ID", "an image model");
      if (!/(^|\.)amazon\.(nova-canvas|titan-image)/.test(modelId)) throw new NotCovered(`the image model ${modelId}`, "Amazon Nova Canvas and Titan Image Generator are");
      if (params.response_format === "url") throw new NotCovered("response_format url", "b64_json is: store the picture yourself");
      for (const key of ["background", "style", "stream", "partial_images", "mask", "image"]) if (params[key] !== undefined) throw new NotCovered(`images.generate with ${key}`, "leave it out");
      if (params.output_format !== undefined && params.output_format !== "png") throw new NotCovered(`output_format ${params.output_format}`, "png is");
      const [width, height] = (!params.size || params.size === "auto" ? "1024x1024" : params.size).split("x").map(Number);
      const body = {
        taskType: "TEXT_IMAGE",
        textToImageParams: { text: params.prompt },
        imageGenerationConfig: { numberOfImages: params.n ?? 1, width, height, quality: ["high", "hd"].includes(params.quality) ? "premium" : "standard" },
      };
      const answer = await asked(() => bedrock().send(new InvokeModelCommand({ modelId, contentType: "application/json", accept: "application/json", body: JSON.stringify(body) })));
      const said = JSON.parse(Buffer.from(answer.body).toString("utf8"));
      if (said.error) throw new APIError(400, said.error);
      return { created: Math.floor(Date.now() / 1000), data: said.images.map((b64_json) => ({ b64_json })) };
    };

    const speech = async (params) => {
      const [OutputFormat, type] = SOUNDS[params.response_format ?? "mp3"] ?? [];
      if (!OutputFormat) throw new NotCovered(`speech as ${params.response_format}`, "mp3 and opus are");
      if (params.instructions || (params.speed ?? 1) !== 1) throw new NotCovered("speech with instructions or speed", "leave them out");
      const VoiceId = process.env[`POLLY_VOICE_${String(params.voice).toUpperCase()}`] ?? VOICES[params.voice];
      if (!VoiceId) throw new NotCovered(`the voice ${params.voice}`, `set POLLY_VOICE_${String(params.voice).toUpperCase()} to a voice of Polly`);
      const Engine = process.env.POLLY_ENGINE ?? "neural";
      const answer = await asked(() => polly().send(new SynthesizeSpeechCommand({ Text: params.input, VoiceId, OutputFormat, Engine })));
      return new Response(Buffer.from(await answer.AudioStream.transformToByteArray()), { headers: { "content-type": type } });
    };

    const transcription = async (params) => {
      const format = params.response_format ?? "json";
      if (!["json", "text"].includes(format)) throw new NotCovered(`transcriptions as ${format}`, "json and text are");
      if (params.stream || params.timestamp_granularities) throw new NotCovered("transcriptions with stream or timestamps", "leave them out");
      const name = params.file?.name ?? String(params.file?.path ?? "");
      const MediaFormat = FORMATS[name.split(".").pop().toLowerCase()];
      if (!MediaFormat) throw new NotCovered(`the sound file ${name || "without a name"}`, `its name must end in ${Object.keys(FORMATS).join(", ")}`);
      const LanguageCode = params.language && (LANGUAGES[params.language] ?? (params.language.includes("-") ? params.language : undefined));
      if (params.language && !LanguageCode) throw new NotCovered(`the language ${params.language}`, "give a code such as en-GB, or leave it out");
      const Bucket = process.env.TRANSCRIBE_BUCKET || named("DEFAULT_OBJECT_STORAGE_BUCKET_ID", "a bucket for sound under way (or set TRANSCRIBE_BUCKET)");
      const job = `openai-${randomUUID()}`;
      const [Key, out] = [`.transcribe/${job}.${MediaFormat}`, `.transcribe/${job}.json`];
      const Body = await bytesOf(params.file);
      return asked(async () => {
        try {
          await s3().send(new PutObjectCommand({ Bucket, Key, Body }));
          await transcribe().send(new StartTranscriptionJobCommand({ TranscriptionJobName: job, Media: { MediaFileUri: `s3://${Bucket}/${Key}` }, MediaFormat, OutputBucketName: Bucket, OutputKey: out, ...(LanguageCode ? { LanguageCode } : { IdentifyLanguage: true }) }));
          for (;;) {
            const { TranscriptionJob: now } = await transcribe().send(new GetTranscriptionJobCommand({ TranscriptionJobName: job }));
            if (now.TranscriptionJobStatus === "FAILED") throw new APIError(400, now.FailureReason ?? "the sound could not be transcribed");
            if (now.TranscriptionJobStatus === "COMPLETED") break;
            await pause(1000);
          }
          const { Body: said } = await s3().send(new GetObjectCommand({ Bucket, Key: out }));
          const text = JSON.parse(await said.transformToString()).results.transcripts.map((t) => t.transcript).join(" ");
          return format === "text" ? text : { text };
        } finally {
          // Nothing of what was said stays behind.
          await Promise.allSettled([
            ...[Key, out].map((at) => s3().send(new DeleteObjectCommand({ Bucket, Key: at }))),
            transcribe().send(new DeleteTranscriptionJobCommand({ TranscriptionJobName: job })),
          ]);
        }
      });
    };

    this.chat = only("chat.", { completions: only("chat.completions.", { create: chat }) });
    this.images = only("images.", { generate: images });
    this.audio = only("audio.", { speech: only("audio.speech.", { create: speech }), transcriptions: only("audio.transcriptions.", { create: transcription }) });
    return only("", this);
  }
}

module.exports = OpenAI;
module.exports.default = OpenAI;
module.exports.OpenAI = OpenAI;
module.exports.OpenAIError = OpenAIError;
module.exports.APIError = APIError;
module.exports.NotCovered = NotCovered;
module.exports.toFile = toFile;
