import { Server } from "socket.io";

export const io = new Server({ cors: { origin: process.env.APP_ORIGIN } });
