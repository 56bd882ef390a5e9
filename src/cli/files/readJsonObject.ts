import { isObject, type JsonObject } from '../../isObject.ts'
import { CliError } from '../errors.ts'
import { readText } from './files.ts'

/**
 * The JSON object in a file that `writer` wrote; undefined if there is no such file. It holds secrets, so no error
 * shows any of it.
 */
export async function readJsonObject(file: string, writer: string): Promise<JsonObject | undefined> {
  const text = await readText(file)
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch {
    // The error below is thrown instead of this one, which would quote the content.
  }
  throw new CliError('bad-config', `${file} is not the JSON that ${writer} wrote`, {
    next: 'move it away, or restore it from your backup; do not delete keys that are in use',
  })
}
