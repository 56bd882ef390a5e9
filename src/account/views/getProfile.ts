import { updateDetailed } from './profileView.ts'
import { asString } from './upstreamShape.ts'
import type { Merge } from './view.ts'

/** This account's profile with the name, texts and pictures that were just written. */
export const getProfile: Merge = (context, answer) => {
  const { did, local } = context
  if (!local.profile || asString(answer.did, 'did') !== did) return undefined
  return updateDetailed(context, answer, local.profile.value)
}
