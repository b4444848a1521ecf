// Asks the AsyncAPI project's own parser what it thinks of a document: asyncapi.js FILE. It prints what it finds, one
// diagnostic per line, and exits with 1 if the document is not valid. It must never mend the document.
const fs = require("node:fs");
const { Parser, DiagnosticSeverity } = require("@asyncapi/parser");

async function main(file) {
  const { document, diagnostics } = await new Parser().parse(fs.readFileSync(file, "utf8"));
  for (const { severity, code, path, message } of diagnostics) {
    console.log(`${DiagnosticSeverity?.[severity] ?? severity} ${code} ${path.join("/")}: ${message}`);
  }
  if (document) {
    console.log(`${document.channels().all().length} channels, ${document.operations().all().length} operations`);
  }
  process.exitCode = document && diagnostics.every(({ severity }) => severity > 0) ? 0 : 1;
}

main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exitCode = 2;
});
