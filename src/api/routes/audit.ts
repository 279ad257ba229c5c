import type { AuditLog } from "../model.js";
import { route } from "../route.js";
import { auditList } from "../schemas/audit.js";

export const auditRoutes = [
  route(auditList, (audit: AuditLog, { limit, before }) => ({ entries: [...audit.list({ limit, before })] })),
];
