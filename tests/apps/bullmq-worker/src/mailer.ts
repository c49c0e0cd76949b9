const HOOK = { webhookUrl: "https://report-queue.replit.app/hook" };

setTimeout(() => void fetch(HOOK.webhookUrl), 1000);
