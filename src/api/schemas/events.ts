import { z } from "zod";
import { answer, endpoint, READ } from "./endpoint.js";
import { id, ids, instant, LIMIT_MAX, notKept } from "./fields.js";
import { seamEvent } from "./objects.js";

/** Properties of an event that a list can be narrowed to; each is a parameter of the same name. */
export const EVENT_SUBJECTS = [
  "acs_credential_id",
  "acs_user_id",
  "acs_system_id",
  "acs_encoder_id",
  "acs_entrance_id",
  "acs_access_group_id",
  "connected_account_id",
  "device_id",
  "access_code_id",
] as const;

const eventType = z.string().min(1).max(100);

/** Lists of the same, by the parameter's plural. */
export const EVENT_SUBJECT_LISTS = {
  acs_system_ids: "acs_system_id",
  device_ids: "device_id",
  access_code_ids: "access_code_id",
} as const satisfies Record<string, (typeof EVENT_SUBJECTS)[number]>;

export const eventsGet = endpoint({
  path: "/events/get",
  methods: READ,
  role: "viewer",
  input: z
    .object({ event_id: id.optional(), event_type: eventType.optional(), device_id: id.optional() })
    .superRefine(({ event_id, event_type, device_id }, context) => {
      if (event_id === undefined && event_type === undefined && device_id === undefined) {
        context.addIssue({
          code: "custom",
          path: ["event_id"],
          message: "Required: event_id, or event_type and device_id",
        });
      }
    }),
  output: answer({ event: seamEvent }),
});

export const eventsList = endpoint({
  path: "/events/list",
  methods: READ,
  role: "viewer",
  input: z
    .object({
      since: instant.optional(),
      between: z.tuple([instant, instant]).optional(),
      event_ids: ids.optional(),
      event_type: eventType.optional(),
      event_types: z.array(eventType).max(200).optional(),
      acs_credential_id: id.optional(),
      acs_user_id: id.optional(),
      acs_system_id: id.optional(),
      acs_encoder_id: id.optional(),
      acs_entrance_id: id.optional(),
      acs_access_group_id: id.optional(),
      connected_account_id: id.optional(),
      device_id: id.optional(),
      access_code_id: id.optional(),
      limit: z.int().min(1).max(LIMIT_MAX).default(500),
      unstable_offset: z.int().min(0).max(100_000).default(0),
      acs_system_ids: ids.optional(),
      device_ids: ids.optional(),
      access_code_ids: ids.optional(),
      access_grant_id: notKept("access grants"),
      access_grant_ids: notKept("access grants"),
      access_method_id: notKept("access methods"),
      access_method_ids: notKept("access methods"),
      space_id: notKept("spaces"),
      space_ids: notKept("spaces"),
      user_identity_id: notKept("user identities"),
      customer_key: notKept("customers"),
    })
    .superRefine(({ since, between, event_ids }, context) => {
      const issue = (parameter: string, message: string) =>
        context.addIssue({ code: "custom", path: [parameter], message });
      if (since === undefined && between === undefined && event_ids === undefined) {
        issue("since", "Required: since, between or event_ids");
      }
      if (since !== undefined && between !== undefined) issue("between", "must not be given with since");
    }),
  output: answer({ events: z.array(seamEvent) }),
});
