import type { JsonObject } from "#src/lib/json";

/**
 * Seam's words for what a brand calls its things. A system's own kind comes from the configuration; the kinds of its
 * credentials and users follow from it. A system of our own open card layout has no kind, and neither have its objects.
 */
interface Brand {
  readonly system: string;
  readonly credential?: readonly [type: string, displayName: string];
  readonly user?: readonly [type: string, displayName: string];
  readonly group?: readonly [type: string, displayName: string];
}

const BRANDS: Readonly<Record<string, Brand>> = {
  visionline_system: { system: "Visionline", credential: ["visionline_card", "Visionline Card"] },
  assa_abloy_vostio: { system: "Vostio", credential: ["assa_abloy_vostio_key", "Vostio Key"] },
  salto_space_system: {
    system: "Salto Space",
    credential: ["salto_space_key", "Salto Space Key"],
    user: ["salto_space_user", "Salto Space User"],
    group: ["salto_space_group", "Salto Space Group"],
  },
  salto_ks_site: {
    system: "Salto KS Site",
    credential: ["salto_ks_credential", "Salto KS Credential"],
    user: ["salto_site_user", "Salto Site User"],
    group: ["salto_ks_access_group", "Salto KS Access Group"],
  },
  hotek_site: { system: "Hotek Site", credential: ["hotek_card", "Hotek Card"] },
  dormakaba_ambiance_site: {
    system: "dormakaba Ambiance Site",
    credential: ["dormakaba_ambiance_credential", "dormakaba Ambiance Credential"],
    group: ["dormakaba_ambiance_access_group", "dormakaba Ambiance Access Group"],
  },
  dormakaba_community_site: {
    system: "dormakaba Community Site",
    user: ["dormakaba_community_user", "dormakaba Community User"],
    group: ["dormakaba_community_access_group", "dormakaba Community Access Group"],
  },
  brivo_account: {
    system: "Brivo Account",
    credential: ["brivo_credential", "Brivo Credential"],
    user: ["brivo_user", "Brivo User"],
    group: ["brivo_group", "Brivo Group"],
  },
  hid_credential_manager_organization: {
    system: "HID Credential Manager Organization",
    credential: ["hid_credential", "HID Credential"],
    user: ["hid_credential_manager_user", "HID Credential Manager User"],
  },
  pti_site: {
    system: "PTI Site",
    credential: ["pti_card", "PTI Card"],
    user: ["pti_user", "PTI User"],
    group: ["pti_access_level", "PTI Access Level"],
  },
  latch_building: {
    system: "Latch Building",
    credential: ["latch_access", "Latch Access"],
    user: ["latch_user", "Latch User"],
  },
  avigilon_alta_org: {
    system: "Avigilon Alta Organization",
    credential: ["avigilon_alta_credential", "Avigilon Alta Credential"],
    user: ["avigilon_alta_user", "Avigilon Alta User"],
    group: ["avigilon_alta_group", "Avigilon Alta Group"],
  },
  kisi_organization: {
    system: "Kisi Organization",
    credential: ["kisi_credential", "Kisi Credential"],
    user: ["kisi_user", "Kisi User"],
    group: ["kisi_access_group", "Kisi Access Group"],
  },
};

/** `external_type` and its display name, or nothing. */
export function externalTypeOf(
  systemType: string | null,
  of: "system" | "credential" | "user" | "group",
): JsonObject {
  if (systemType === null) return {};
  const brand = Object.hasOwn(BRANDS, systemType) ? BRANDS[systemType] : undefined;
  if (of === "system") {
    return { external_type: systemType, external_type_display_name: brand?.system ?? systemType };
  }
  const named = brand?.[of];
  return named === undefined ? {} : { external_type: named[0], external_type_display_name: named[1] };
}
