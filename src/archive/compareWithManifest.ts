import type { ManifestClaims } from '../signing/manifest.ts'
import type { CarFacts } from './carFile.ts'

/** The differences between a CAR and what a manifest says (records by collection, and the tree), as sentences. */
export const compareWithManifest = ({
  claims,
  facts,
}: {
  claims: ManifestClaims
  facts: Pick<CarFacts, 'collections' | 'data'>
}): string[] => {
  const names = new Set([...Object.keys(claims.collections), ...Object.keys(facts.collections)])
  const problems = [...names]
    .filter((name) => claims.collections[name] !== facts.collections[name])
    .map(
      (name) =>
        `${name}: ${facts.collections[name] ?? 0} records, the manifest says ${claims.collections[name] ?? 0}`,
    )
  if (claims.data !== facts.data) problems.push(`the tree is ${facts.data}, the manifest says ${claims.data}`)
  return problems
}
