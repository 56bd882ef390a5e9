import { isObject } from '../../isObject.ts'
import { WRANGLER_VERSION } from './settings.ts'

/** An exact version or a range that begins at one. */
const VERSION_RANGE = /^[~^]?(\d+)\.(\d+)\.(\d+)$/

const numbersOf = (range: string): number[] | undefined =>
  VERSION_RANGE.exec(range)
    ?.slice(1)
    .map((part) => Number(part))

const isOlder = (range: string, wanted: string): boolean => {
  const [a, b] = [numbersOf(range), numbersOf(wanted)]
  if (!a || !b) return false
  const at = a.findIndex((part, n) => part !== b[n])
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0)
}

/**
 * The text of a package.json with the wrangler that this version was tested with, where an older one is pinned. A newer
 * one, a tag or a path stays, and so does everything else.
 */
export function upgradePackageJson(text: string): string {
  const found = wranglerIn(text)
  if (found === undefined || !isOlder(found, WRANGLER_VERSION)) return text
  const line = /("wrangler"\s*:\s*")([^"]*)(")/
  return text.replace(line, `$1${WRANGLER_VERSION}$3`)
}

const wranglerIn = (text: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    if (!isObject(value)) return undefined
    const found = [value['devDependencies'], value['dependencies']]
      .filter(isObject)
      .map((dependencies) => dependencies['wrangler'])
      .find((version) => typeof version === 'string')
    return typeof found === 'string' ? found : undefined
  } catch {
    return undefined
  }
}
