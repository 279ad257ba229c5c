import type { Inventory, InventoryEncoder, InventoryEntrance, InventorySystem } from "#src/domain/inventory";
import type { JsonObject } from "#src/lib/json";
import { externalTypeOf } from "./brand.js";
import { isoInstant } from "./instant.js";

/** Seam's objects for what a site has: workspace, systems, entrances, encoders. All come from the inventory. */

/** What the inventory does not say of one object. */
export interface SiteObjectFacts {
  /** When this side first saw it, epoch ms. */
  readonly createdAt: number;
  readonly errors?: readonly Notice[];
  readonly warnings?: readonly Notice[];
}

/** Something wrong with an object, or worth knowing. Times are epoch milliseconds. */
export interface Notice {
  readonly code: string;
  readonly message: string;
  readonly createdAt: number;
}

export function renderErrors(notices: readonly Notice[] = []): JsonObject[] {
  return notices.map(({ code, message, createdAt }) => ({
    error_code: code,
    message,
    created_at: isoInstant(createdAt),
  }));
}

export function renderWarnings(notices: readonly Notice[] = []): JsonObject[] {
  return notices.map(({ code, message, createdAt }) => ({
    warning_code: code,
    message,
    created_at: isoInstant(createdAt),
  }));
}

/** `isSandbox`: its hardware is simulated. */
export function renderWorkspace(
  inventory: Pick<Inventory, "workspaceId" | "siteName">,
  { isSandbox }: { readonly isSandbox: boolean },
): JsonObject {
  return {
    workspace_id: inventory.workspaceId,
    name: inventory.siteName,
    company_name: inventory.siteName,
    is_sandbox: isSandbox,
    is_suspended: false,
    is_publishable_key_auth_enabled: false,
    connect_webview_customization: {},
    connect_partner_name: null,
    organization_id: null,
  };
}

export function renderSystem(
  system: InventorySystem,
  inventory: Inventory,
  facts: SiteObjectFacts & { readonly userCount?: number },
): JsonObject {
  return {
    acs_system_id: system.id,
    connected_account_id: inventory.connectedAccountId,
    connected_account_ids: [inventory.connectedAccountId],
    workspace_id: inventory.workspaceId,
    name: system.name,
    ...externalTypeOf(system.externalType, "system"),
    is_credential_manager: false,
    ...(facts.userCount === undefined ? {} : { acs_user_count: facts.userCount }),
    location: { time_zone: inventory.timeZone },
    image_url: "",
    image_alt_text: system.name,
    created_at: isoInstant(facts.createdAt),
    errors: renderErrors(facts.errors),
    warnings: renderWarnings(facts.warnings),
  };
}

export function renderEntrance(
  entrance: InventoryEntrance,
  inventory: Pick<Inventory, "connectedAccountId">,
  facts: SiteObjectFacts,
): JsonObject {
  return {
    acs_entrance_id: entrance.id,
    acs_system_id: entrance.systemId,
    connected_account_id: inventory.connectedAccountId,
    display_name: entrance.name,
    can_unlock_with_card: entrance.door !== null || entrance.zone !== null,
    can_unlock_with_code: entrance.keypad !== null,
    can_unlock_with_mobile_key: false,
    can_unlock_with_cloud_key: false,
    space_ids: [],
    created_at: isoInstant(facts.createdAt),
    errors: renderErrors(facts.errors),
    warnings: renderWarnings(facts.warnings),
  };
}

export function renderEncoder(
  encoder: InventoryEncoder,
  inventory: Pick<Inventory, "connectedAccountId" | "workspaceId">,
  facts: SiteObjectFacts,
): JsonObject {
  return {
    acs_encoder_id: encoder.id,
    acs_system_id: encoder.systemId,
    connected_account_id: inventory.connectedAccountId,
    workspace_id: inventory.workspaceId,
    display_name: encoder.name,
    created_at: isoInstant(facts.createdAt),
    errors: renderErrors(facts.errors),
  };
}
