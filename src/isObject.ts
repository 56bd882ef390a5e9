export type JsonObject = Record<string, unknown>

/** Whether a value that came out of JSON is an object, and neither null nor an array. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
