/** Where a jurisdiction keeps objects, and where they run: https://developers.cloudflare.com/durable-objects/reference/data-location */
const JURISDICTIONS: readonly string[] = ['eu', 'us', 'fedramp', 'fedramp-high']
const HINTS: readonly string[] = 'wnam enam sam weur eeur apac apac-ne apac-se oc afr me'.split(' ')

const isJurisdiction = (text: string): text is DurableObjectJurisdiction => JURISDICTIONS.includes(text)
const isHint = (text: string): text is DurableObjectLocationHint => HINTS.includes(text)

/** Where the account's object is made. It is fixed from then on. */
export interface DataLocation {
  /** A part of the name: another jurisdiction has another object. */
  jurisdiction?: DurableObjectJurisdiction
  /** Counts only when the object is made. */
  hint?: DurableObjectLocationHint
}

/** What DATA_LOCATION may say. */
export const DATA_LOCATIONS = `a jurisdiction (${JURISDICTIONS.join(', ')}) or a hint (${HINTS.join(', ')})`

/** Reads DATA_LOCATION; undefined where it is neither. */
export const parseDataLocation = (text: string): DataLocation | undefined => {
  if (text === '') return {}
  if (isJurisdiction(text)) return { jurisdiction: text }
  return isHint(text) ? { hint: text } : undefined
}

/** The object of this name in this location. */
export const objectAt = <T extends Rpc.DurableObjectBranded | undefined>(
  namespace: DurableObjectNamespace<T>,
  name: string,
  { jurisdiction, hint }: DataLocation,
): DurableObjectStub<T> =>
  (jurisdiction ? namespace.jurisdiction(jurisdiction) : namespace).getByName(
    name,
    hint ? { locationHint: hint } : {},
  )
