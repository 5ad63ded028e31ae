// Builds ../vpp/static/vendor and its VENDOR.json (name, version, sha256, licence).
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";

const out = new URL("../vpp/static/vendor/", import.meta.url).pathname;
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
const files = [
  { file: "echarts.min.js", name: "echarts", version: version("echarts"), licence: "Apache-2.0" },
  { file: "htmx.min.js", name: "htmx.org", version: version("htmx.org"), licence: "0BSD" },
];
await build({ entryPoints: ["charts.js"], bundle: true, minify: true, format: "iife", legalComments: "inline", outfile: out + files[0].file });
copyFileSync("node_modules/htmx.org/dist/htmx.min.js", out + files[1].file);
for (const entry of files) entry.sha256 = createHash("sha256").update(readFileSync(out + entry.file)).digest("hex");
writeFileSync(out + "VENDOR.json", JSON.stringify(files, null, 2) + "\n");
