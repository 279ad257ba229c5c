export const FLEET_SITE = "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10";

export function gatewayId(at: number): string {
  return `0d8f4c52-0000-4000-8000-${String(at).padStart(12, "0")}`;
}
