/**
 * Where the environment's `DEBUG` asks for it, libraries write whole packets to stderr, PINs and tokens among them. They
 * read it when they are loaded, so this is imported before any of them.
 */
delete process.env["DEBUG"];
