import { useBundle } from "./bundle.ts";

useBundle();
