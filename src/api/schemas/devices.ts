import { z } from "zod";
import { ACT, answer, CHANGE, endpoint, READ } from "./endpoint.js";
import { id, ids, instant, notKept, pagination, paging, search, text } from "./fields.js";
import { actionAttempt, device } from "./objects.js";

/** Devices are the keypad locks of the site: `/devices` and `/locks` show the same objects. */

const one = z
  .object({ device_id: id.optional(), name: text.optional() })
  .superRefine(({ device_id, name }, context) => {
    if (device_id === undefined && name === undefined) {
      context.addIssue({ code: "custom", path: ["device_id"], message: "Required: device_id or name" });
    }
  });

/** Up to 50 pairs; a key has up to 40 characters, a text up to 500. */
const metadataKey = z.string().min(1).max(40);
const metadataValue = z.union([z.string().max(500), z.boolean()]);
function metadata<Value extends z.ZodType>(value: Value) {
  return z
    .record(metadataKey, value)
    .refine((pairs) => Object.keys(pairs).length <= 50, "must have at most 50 pairs");
}

const filters = {
  device_ids: ids.optional(),
  device_type: text.optional(),
  device_types: z.array(text).max(100).optional(),
  manufacturer: text.optional(),
  connected_account_id: id.optional(),
  connected_account_ids: ids.optional(),
  custom_metadata_has: metadata(metadataValue).optional(),
  created_before: instant.optional(),
  search,
  ...paging(500),
  space_id: notKept("spaces"),
  unstable_location_id: notKept("spaces"),
  customer_key: notKept("customers"),
  user_identifier_key: notKept("client sessions"),
  connect_webview_id: notKept("connect webviews"),
};

export const devicesGet = endpoint({
  path: "/devices/get",
  methods: READ,
  role: "viewer",
  input: one,
  output: answer({ device }),
});

export const devicesList = endpoint({
  path: "/devices/list",
  methods: READ,
  role: "viewer",
  input: z.object(filters),
  output: answer({ devices: z.array(device), pagination }),
});

export const devicesUpdate = endpoint({
  path: "/devices/update",
  methods: CHANGE,
  role: "technician",
  input: z.object({
    device_id: id,
    name: text.nullish(),
    custom_metadata: metadata(metadataValue.nullable()).optional(),
    backup_access_code_pool_enabled: z.boolean().optional(),
    is_managed: z.literal(true, { error: "must be true: this site has no unmanaged devices" }).optional(),
    properties: z.undefined({ error: "is not supported: use name" }).optional(),
  }),
  output: answer({}),
});

export const locksGet = endpoint({
  path: "/locks/get",
  methods: READ,
  role: "viewer",
  input: one,
  output: answer({ device, lock: device }),
});

export const locksList = endpoint({
  path: "/locks/list",
  methods: READ,
  role: "viewer",
  input: z.object(filters),
  output: answer({ devices: z.array(device), locks: z.array(device), pagination }),
});

const door = z.object({ device_id: id, sync: z.boolean().default(false) });

export const locksLockDoor = endpoint({
  path: "/locks/lock_door",
  methods: ACT,
  role: "technician",
  input: door,
  output: answer({ action_attempt: actionAttempt }),
});

export const locksUnlockDoor = endpoint({
  path: "/locks/unlock_door",
  methods: ACT,
  role: "technician",
  input: door,
  output: answer({ action_attempt: actionAttempt }),
});
