import { z } from "zod";

/** Every change of a process that some runtime can make, by the name that journals and runtimes know it by. */
export const changeNameSchema = z.enum([
  "kill",
  "stop",
  "pause",
  "limitCpu",
  "limitMemory",
  "partition",
  "fillDisk",
  "breakName",
  "skewClock",
]);
export type ChangeName = z.output<typeof changeNameSchema>;
