/** How a printed page looks: sizes in millimetres, so that the folds are where they are drawn. */

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export const pageStyle = `
@page { size: A4; margin: 0; }
* { box-sizing: border-box; }
body { margin: 0; color: #14262c; background: #fff; font: 10.5pt/1.42 "Atkinson Hyperlegible Next", "DejaVu Sans", system-ui, sans-serif; }
.sheet { width: 210mm; height: 296mm; position: relative; overflow: hidden; page-break-after: always; }
.sheet.more { height: auto; min-height: 200mm; overflow: visible; padding: 15mm 17mm; }
.part { position: absolute; left: 17mm; right: 17mm; }
.part.top { top: 13mm; }
.part.middle { top: 106mm; }
header { display: flex; justify-content: space-between; align-items: baseline; font-size: 9.5pt; color: #4c6067; }
header b { font-size: 11pt; color: #14262c; }
h1 { font-size: 25pt; line-height: 1.15; margin: 6mm 0 2mm; letter-spacing: -0.018em; overflow-wrap: anywhere; }
h2 { font-size: 14pt; margin: 7mm 0 2mm; }
h3 { font-size: 11pt; margin: 4mm 0 1mm; }
p { margin: 0 0 2mm; }
.lead { font-size: 11.5pt; max-width: 165mm; color: #2c4148; }
.how { margin: 4mm 0 0; padding-left: 5mm; }
.how li { margin-bottom: 1mm; }
code, pre, .mono { font-family: "Atkinson Hyperlegible Mono", "DejaVu Sans Mono", monospace; }
code { font-size: 0.92em; }
pre { font-size: 8pt; line-height: 1.4; margin: 1mm 0 3mm; padding: 2mm 3mm; border: 0.3mm solid #c9d3d6; border-radius: 1.5mm; white-space: pre-wrap; overflow-wrap: anywhere; }
.kept { margin-top: 6mm; display: flex; gap: 3mm; align-items: flex-end; font-size: 9.5pt; color: #4c6067; }
.kept i { flex: 1; border-bottom: 0.3mm solid #9fb0b5; }
.fold { position: absolute; left: 0; right: 0; height: 0; border-top: 0.4mm dashed #9fb0b5; text-align: center; }
.fold:nth-of-type(2) { top: 99mm; }
.fold:nth-of-type(4) { top: 198mm; }
.fold span { position: relative; top: -3mm; background: #fff; padding: 0 3mm; font-size: 8.5pt; color: #4c6067; }
.pattern { position: absolute; left: 0; right: 0; top: 203mm; bottom: 0; -webkit-print-color-adjust: exact; print-color-adjust: exact;
  background: repeating-linear-gradient(45deg, #777 0 0.6mm, transparent 0.6mm 1.8mm), repeating-linear-gradient(-45deg, #777 0 0.6mm, transparent 0.6mm 1.8mm), repeating-linear-gradient(0deg, #bbb 0 0.5mm, transparent 0.5mm 1.3mm); }
.words { display: grid; grid-template-columns: 1fr 50mm; gap: 7mm; margin-bottom: 4mm; }
.words ol { list-style: none; margin: 0; padding: 1.5mm; display: grid; grid-template-columns: repeat(3, 1fr); grid-template-rows: repeat(8, 1fr); grid-auto-flow: column; border: 0.4mm solid #14262c; border-radius: 2mm; }
.words li { display: flex; gap: 2mm; padding: 0 2.5mm; align-items: baseline; font: 600 12pt/6.9mm "Atkinson Hyperlegible Mono", "DejaVu Sans Mono", monospace; }
.words li i { font: 500 8pt/1 "Atkinson Hyperlegible Next", "DejaVu Sans", sans-serif; color: #5b6f76; width: 4mm; text-align: right; }
figure { margin: 0; display: grid; justify-items: center; gap: 1.5mm; font-size: 9pt; color: #4c6067; }
figure svg { width: 50mm; height: 50mm; display: block; }
.facts { display: grid; grid-template-columns: 1.2fr 1.1fr 1.2fr 1fr; gap: 5mm; border-top: 0.3mm solid #c9d3d6; padding: 3mm 0; margin: 0; }
dt { font-size: 8.5pt; color: #5b6f76; }
dd { margin: 0; font-size: 9.5pt; font-weight: 550; overflow-wrap: anywhere; }
dd.mono { font-size: 9pt; }
.folder { break-inside: avoid; }
.folder dl { display: grid; grid-template-columns: 42mm 1fr; gap: 0.6mm 4mm; margin: 0; }
.folder dt, .folder dd { padding: 0.4mm 0; }
.folder dd { font-weight: 400; font-size: 8.5pt; }
.codes { display: grid; grid-template-columns: repeat(2, 1fr); gap: 8mm; }
.codes figure { break-inside: avoid; }
.codes figure svg { width: 78mm; height: 78mm; }
@media screen { .sheet { margin: 6mm auto; box-shadow: 0 0 0 1px #d5dee0; } body { background: #f0f4f4; } .sheet { background: #fff; } }
`;
