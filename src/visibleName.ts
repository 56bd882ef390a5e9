const MAX_NAME_LENGTH = 100
/** What is not seen, or changes how the text around it is shown; but not what makes several characters one emoji. */
const INVISIBLE = /(?!\u200d|\ufe0f)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u
/** What is seen by itself. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

/** What a name must be, for messages. */
export const VISIBLE_NAME = `expected 1 to ${MAX_NAME_LENGTH} visible characters, without spaces around them`

/** Whether people can tell this name from others when they see it. */
export const isVisibleName = (name: string): boolean =>
  VISIBLE.test(name) && !INVISIBLE.test(name) && name === name.trim() && name.length <= MAX_NAME_LENGTH
