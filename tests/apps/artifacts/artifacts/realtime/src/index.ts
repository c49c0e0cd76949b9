import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const server = createServer((req, res) => res.writeHead(req.url === "/ws/healthz" ? 200 : 404).end());
new WebSocketServer({ server, path: "/ws" }).on("connection", (socket) => socket.send("hello"));
server.listen(Number(process.env.PORT));
