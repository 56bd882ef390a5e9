import { visible } from './claimed.ts'
import type { Visit } from '../visit.ts'

/** The first that is found names it: browsers call themselves by the names of those that came before them, too. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/ Edg(?:A|iOS)?\//, 'Edge'],
  [/ OPR\//, 'Opera'],
  [/ SamsungBrowser\//, 'Samsung Internet'],
  [/ (?:Firefox|FxiOS)\//, 'Firefox'],
  [/(?:Chrome|CriOS)\//, 'Chrome'],
  [/ Version\/.* Safari\//, 'Safari'],
]
const SYSTEMS: typeof BROWSERS = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/CrOS/, 'ChromeOS'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

const nameIn = (names: typeof BROWSERS, userAgent: string): string | undefined =>
  names.find(([sign]) => sign.test(userAgent))?.[1]

/** What a User-Agent says in words of a person, such as "Firefox on Android"; of an unknown program, its first word. */
export const programName = ({ text }: Visit, userAgent: string | undefined): string => {
  if (userAgent === undefined) return text.apps.unknownProgram
  const browser = userAgent.startsWith('Mozilla/') ? nameIn(BROWSERS, userAgent) : undefined
  if (browser === undefined) return visible(userAgent.split(' ')[0] ?? '', 60)
  const system = nameIn(SYSTEMS, userAgent)
  return system === undefined ? browser : text.apps.on(browser, system)
}
