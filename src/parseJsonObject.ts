import { isObject, type JsonObject } from './isObject.ts'

/** The object that a stranger's answer holds; an empty one where it is not JSON, or not an object. */
export const parseJsonObject = (text: string): JsonObject => {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {}
  }
}
