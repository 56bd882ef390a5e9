import type { Link } from '../../repo/cid.ts'
import type { Sections } from '../../repo/section.ts'
import type { Course } from './course.ts'
import type { ImportParts } from './parts.ts'
import type { Verified } from './verified.ts'
import type { Coming } from './verify.ts'

export const difference = async (
  _parts: ImportParts,
  _coming: Coming,
  _options: {
    find: (link: Link) => Sections | undefined
    most: { blocks: number; bytes: number }
    course: Course
  },
): Promise<Verified | undefined> => undefined
