import { updateDetailed } from './profileView.ts'
import { asArray, asObject, asString } from './upstreamShape.ts'
import type { Merge } from './view.ts'

/** The profiles, and this account's among them with what was just written. */
export const getProfiles: Merge = (context, answer) => {
  const record = context.local.profile?.value
  if (!record) return undefined
  const profiles = asArray(answer.profiles, 'profiles').map((item, index) => {
    const view = asObject(item, `profiles[${index}]`)
    const isOwn = asString(view.did, `profiles[${index}].did`) === context.did
    return isOwn ? updateDetailed(context, view, record) : view
  })
  return { ...answer, profiles }
}
