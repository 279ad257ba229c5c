import type { JsonObject } from "#src/lib/json";

/** What an app does: Seam's routes over HTTP with an API key. */
export class DemoApp {
  readonly #endpoint: string;
  readonly #apiKey: string;

  constructor(endpoint: string, apiKey: string) {
    this.#endpoint = endpoint;
    this.#apiKey = apiKey;
  }

  /** Rejects with the error's type and message when the answer is none of success. */
  async call(path: string, body: object = {}): Promise<JsonObject> {
    const answer = await this.try(path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }

  async try(
    path: string,
    body: object = {},
  ): Promise<{ readonly status: number; readonly body: JsonObject }> {
    const response = await fetch(`${this.#endpoint}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.#apiKey}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as JsonObject };
  }

  async credential(id: string): Promise<DemoCredential> {
    const { acs_credential } = await this.call("/acs/credentials/get", { acs_credential_id: id });
    return acs_credential as unknown as DemoCredential;
  }

  /** Event types of one credential, oldest first. */
  async eventsOf(id: string): Promise<readonly string[]> {
    const since = new Date(0).toISOString();
    const { events } = await this.call("/events/list", { since, acs_credential_id: id });
    return (events as readonly { readonly event_type: string }[]).map(({ event_type }) => event_type);
  }
}

/** What the story looks at. */
export interface DemoCredential {
  readonly acs_credential_id: string;
  readonly is_issued: boolean;
  readonly card_number?: string;
  readonly ends_at?: string;
  readonly is_latest_desired_state_synced_with_provider: boolean;
  readonly warnings: readonly { readonly warning_code: string; readonly message: string }[];
}
