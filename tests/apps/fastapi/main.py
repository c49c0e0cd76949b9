import os

import asyncpg
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI, WebSocket
from openai import OpenAI
from replit.object_storage import Client

app = FastAPI()
client = OpenAI()
bucket = Client()
scheduler = AsyncIOScheduler()


@app.on_event("startup")
async def startup():
    """Connects; localhost:6379 is for tests only."""
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"])
    scheduler.add_job(report, "cron", hour=6)
    scheduler.start()


async def report():
    lazy = OpenAI(api_key="x")
    bucket.upload_from_text("report.txt", str(lazy))


@app.get("/healthz")
async def healthz():
    return {"ok": True}


@app.websocket("/ws")
async def live(socket: WebSocket):
    await socket.accept()
