/**
 * The cloud of a fleet, in a process of its own: one client of the broker, a stand-in site for each gateway. It is told
 * what to do over IPC: `{put: n}` changes something n times at every site. Arguments: the broker's address, the file of
 * its authority, name and password, how many gateways.
 */
import { readFileSync } from "node:fs";
import { connect } from "mqtt";
import { encodeBody, parseBody } from "#src/cloud/body";
import { gatewayTopics, topicDown } from "#src/cloud/mqtt-topics";
import type { CloudMessage, GatewayMessage } from "#src/cloud/wire";
import { realClock } from "#src/ops/clock";
import { CloudSite } from "#src/sandbox/cloud/site";
import { FLEET_SITE, gatewayId } from "./fleet-ids.js";

const [url = "", caPath = "", username = "", password = "", count = "0"] = process.argv.slice(2);
const client = connect(url, {
  username,
  password,
  ca: readFileSync(caPath),
  reconnectPeriod: 200,
  keepalive: 300,
});

interface OneSite {
  readonly site: CloudSite;
  readonly topics: string;
  session: string | null;
}
const sites = new Map<string, OneSite>(
  Array.from({ length: Number(count) }, (_, at) => {
    const gateway = gatewayId(at);
    const site = new CloudSite({ siteId: FLEET_SITE, gatewayId: gateway, clock: realClock });
    const one: OneSite = { site, topics: gatewayTopics(FLEET_SITE, gateway), session: null };
    return [gateway, one];
  }),
);

function say({ topics, session }: OneSite, messages: readonly CloudMessage[]): void {
  if (!client.connected) return;
  for (const message of messages)
    client.publish(`${topics}${topicDown(message)}`, Buffer.from(encodeBody(session, [message])), { qos: 1 });
}

client.on("message", (topic, payload) => {
  const one = sites.get(topic.split("/")[3] ?? "");
  const body = parseBody(payload);
  if (one === undefined || !body.ok) return;
  for (const received of body.messages) {
    if (!received.ok || received.message.type === "state") continue;
    const message = received.message as GatewayMessage; // It comes from below `u/`.
    if (message.type !== "hello" && (body.session === null || !one.site.isCurrent(body.session))) {
      say(one, [{ type: "ctl", order: "hello", reason: "the cloud does not know this session" }]);
      continue;
    }
    const answers = one.site.receive(body.session, message);
    for (const answer of answers) if (answer.type === "welcome") one.session = answer.session;
    say(one, answers);
    if (one.session !== null && one.site.hasNews(one.session)) say(one, one.site.takeNews(one.session));
  }
});
client.on("connect", () => {
  client.subscribe(`lockbridge/v1/${FLEET_SITE}/+/u/+`, { qos: 1 }, () => process.send?.("ready"));
});
client.on("error", () => undefined);

let changes = 0;
process.on("message", ({ put }: { readonly put: number }) => {
  for (let time = 0; time < put; time++) {
    changes += 1;
    for (const one of sites.values()) {
      const id = `dddddddd-0000-4000-8000-${String(changes % 50).padStart(12, "0")}`;
      const spec = {
        acs_user_id: id,
        acs_system_id: "main",
        full_name: `Guest ${changes}`,
        state: "active",
        created_at: "2026-11-22T10:00:00.000Z",
      };
      one.site.put({ kind: "acs_user", id, spec, code: null });
      if (one.session !== null && one.site.hasNews(one.session)) say(one, one.site.takeNews(one.session));
    }
  }
});
process.on("disconnect", () => process.exit(0));
