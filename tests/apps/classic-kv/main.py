"""A bot that keeps a score; from replit import db is how it remembers."""
import os
import discord
from replit import db
from keep_alive import keep_alive

bot = discord.Client(intents=discord.Intents.default())


@bot.event
async def on_message(message):
    # kv.replit.com holds one key for each member
    key = "score:" + str(message.author.id)
    db[key] = db.get(key, 0) + 1
    await message.channel.send(f"{db[key]} points, see https://score-bot.ann.repl.co/board")


keep_alive()
bot.run(os.environ["DISCORD_TOKEN"])
