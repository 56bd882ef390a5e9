import { isLoopback } from './config.ts'
import { parseToml, readWranglerToml } from './wranglerToml.ts'

/**
 * The text of wrangler.toml with this host name as a custom domain of the Worker, in place of an earlier host name
 * that was one. Undefined where the routes are written in a form to which none can be added.
 */
export function editCustomDomain(
  text: string,
  hostname: string,
  earlier: string | undefined,
  file: string,
): string | undefined {
  if (isLoopback(`http://${hostname}`)) return text
  const { customDomains } = readWranglerToml(text, file)
  if (customDomains.includes(hostname)) return text
  const edited =
    earlier && customDomains.includes(earlier)
      ? text.replace(patternOf(earlier), `$1${JSON.stringify(hostname)}`)
      : `${text.trimEnd()}\n\n# The host name of this server; its DNS record and certificate come with it.\n[[routes]]\npattern = ${JSON.stringify(hostname)}\ncustom_domain = true\n`
  return isAdded(edited, hostname, file) ? edited : undefined
}

const patternOf = (hostname: string): RegExp =>
  new RegExp(`(\\bpattern\\s*=\\s*)["']${hostname.replaceAll('.', '\\.')}["']`)

const isAdded = (text: string, hostname: string, file: string): boolean => {
  try {
    parseToml(text, file)
  } catch {
    return false
  }
  return readWranglerToml(text, file).customDomains.includes(hostname)
}
