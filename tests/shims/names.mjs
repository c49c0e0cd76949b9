// The drop-ins by `import` and by `require`: the same classes under the names that apps use.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Client, StreamRequestError } from "@replit/object-storage";
import Database from "@replit/database";
import OpenAI, { APIError, toFile } from "openai";

const require = createRequire(import.meta.url);
assert.equal(require("@replit/object-storage").Client, Client);
assert.equal(require("@replit/object-storage").StreamRequestError, StreamRequestError);
assert.equal(require("@replit/database"), Database);
assert.equal(require("@replit/database").default, Database);
assert.equal(require("openai"), OpenAI);
assert.equal(require("openai").OpenAI, OpenAI);
assert.deepEqual([typeof APIError, typeof toFile], ["function", "function"]);
console.log("all names are there");
