/// <reference types="node" />

// The types of what is covered; wider than OpenAI's own where an app gives more than is read here.
declare namespace OpenAI {
  type Role = "system" | "developer" | "user" | "assistant" | "tool";
  interface ToolCall {
    id: string;
    type: "function";
    function: { name: string; arguments: string };
  }
  type Part = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string; detail?: string } };
  interface ChatCompletionMessageParam {
    role: Role;
    content?: string | Part[] | null;
    name?: string;
    tool_calls?: ToolCall[];
    tool_call_id?: string;
  }
  interface Usage {
    prompt_tokens: number;
    completion_tokens: number;
    total_tokens: number;
  }
  type FinishReason = "stop" | "length" | "tool_calls" | "content_filter";
  interface ChatCompletion {
    id: string;
    object: "chat.completion";
    created: number;
    model: string;
    choices: {
      index: number;
      finish_reason: FinishReason;
      logprobs: null;
      message: { role: "assistant"; content: string | null; refusal: null; tool_calls?: ToolCall[] };
    }[];
    usage?: Usage;
  }
  interface ChatCompletionChunk {
    id: string;
    object: "chat.completion.chunk";
    created: number;
    model: string;
    choices: {
      index: number;
      finish_reason: FinishReason | null;
      logprobs: null;
      delta: {
        role?: "assistant";
        content?: string | null;
        tool_calls?: { index: number; id?: string; type?: "function"; function?: { name?: string; arguments?: string } }[];
      };
    }[];
    usage?: Usage | null;
  }
  interface ChatParams {
    model: string;
    messages: ChatCompletionMessageParam[];
    max_tokens?: number | null;
    max_completion_tokens?: number | null;
    temperature?: number | null;
    top_p?: number | null;
    stop?: string | string[] | null;
    tools?: { type: "function"; function: { name: string; description?: string; parameters?: Record<string, unknown>; strict?: boolean | null } }[];
    tool_choice?: "auto" | "none" | "required" | { type: "function"; function: { name: string } };
    response_format?:
      | { type: "text" | "json_object" }
      | { type: "json_schema"; json_schema: { name: string; description?: string; schema?: Record<string, unknown>; strict?: boolean | null } };
    stream_options?: { include_usage?: boolean } | null;
    [more: string]: unknown;
  }
  interface Stream extends AsyncIterable<ChatCompletionChunk> {
    controller: AbortController;
  }
  interface Options {
    signal?: AbortSignal;
    [more: string]: unknown;
  }
  interface ImagesResponse {
    created: number;
    data: { b64_json?: string; url?: string; revised_prompt?: string }[];
  }
  interface Completions {
    create(params: ChatParams & { stream: true }, options?: Options): Promise<Stream>;
    create(params: ChatParams & { stream?: false | null }, options?: Options): Promise<ChatCompletion>;
  }
  interface ImageParams {
    model?: string;
    prompt: string;
    n?: number | null;
    size?: string | null;
    quality?: string | null;
    response_format?: "b64_json" | "url" | null;
    [more: string]: unknown;
  }
  interface SpeechParams {
    model: string;
    input: string;
    voice: string;
    response_format?: string;
    [more: string]: unknown;
  }
  interface TranscriptionParams {
    file: unknown;
    model: string;
    language?: string;
    response_format?: "json" | "text";
    [more: string]: unknown;
  }
  // The longer names of the same.
  namespace Chat {
    type ChatCompletion = OpenAI.ChatCompletion;
    type ChatCompletionChunk = OpenAI.ChatCompletionChunk;
    type ChatCompletionMessageParam = OpenAI.ChatCompletionMessageParam;
    namespace Completions {
      type ChatCompletionMessageParam = OpenAI.ChatCompletionMessageParam;
    }
  }
  class OpenAIError extends Error {}
  class APIError extends OpenAIError {
    status: number | undefined;
  }
  class NotCovered extends OpenAIError {}
  function toFile(value: unknown, name?: string | null, options?: { type?: string }): Promise<File>;
}

declare class OpenAI {
  constructor(options?: { apiKey?: string; baseURL?: string; awsRegion?: string; [more: string]: unknown });
  chat: { completions: OpenAI.Completions };
  images: { generate(params: OpenAI.ImageParams): Promise<OpenAI.ImagesResponse> };
  audio: {
    speech: { create(params: OpenAI.SpeechParams): Promise<Response> };
    transcriptions: { create(params: OpenAI.TranscriptionParams): Promise<{ text: string }> };
  };
}

export = OpenAI;
