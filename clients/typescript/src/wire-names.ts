/** The contract's snake_case names, and this language's camelCase ones. */

// their keys are the caller's and the service's words, not names of fields
const KEPT_KEYS = new Set(["tags", "error_context"]);

/** Rename the keys of what the service says: `task_id` becomes `taskId`. */
export function camelCased(document: unknown): unknown {
  return renamed(document, (name) =>
    name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()),
  );
}

/** Rename the keys of what the service is told: `taskId` becomes `task_id`. */
export function snakeCased(document: unknown): unknown {
  return renamed(document, (name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  );
}

function renamed(document: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(document)) return document.map((item) => renamed(item, rename));
  if (typeof document !== "object" || document === null || document instanceof Date)
    return document;
  return Object.fromEntries(
    Object.entries(document).map(([name, value]) => [
      rename(name),
      KEPT_KEYS.has(name) ? value : renamed(value, rename),
    ]),
  );
}
