import { getStripeSync } from "./stripeClient";

export class WebhookHandlers {
  static async processWebhook(payload: Buffer, signature: string): Promise<void> {
    if (!Buffer.isBuffer(payload)) {
      throw new Error("the webhook body was parsed before it came here: register its route before express.json()");
    }
    const sync = await getStripeSync();
    await sync.processWebhook(payload, signature);
  }
}
