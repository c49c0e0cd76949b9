// The types that apps import from here; there is nothing to run.
import OpenAI from "../../index";

export type ChatCompletion = OpenAI.ChatCompletion;
export type ChatCompletionChunk = OpenAI.ChatCompletionChunk;
export type ChatCompletionMessageParam = OpenAI.ChatCompletionMessageParam;
