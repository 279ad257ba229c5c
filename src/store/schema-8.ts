/** Version 8: a lock that keeps the windows of its codes itself is told one. JSON; NULL: the code opens always. */
export const SCHEMA_8 = `
ALTER TABLE code_wishes ADD COLUMN lock_window TEXT;
`;
