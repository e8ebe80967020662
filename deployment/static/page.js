// The page of the scoring service: send a photo, draw what comes back.
const at = (id) => document.getElementById(id);
const shown = { bitmap: null, photo: null, heat: null };

async function greet() {
  const answer = await fetch("/health/ready");
  const told = await answer.json();
  at("model").textContent = answer.ok ? `model ${told.model_id}` : told.error.message;
}

async function score(file) {
  at("error").hidden = true;
  at("status").textContent = `Scoring ${file.name} …`;
  const query = new URLSearchParams({ explain: "true" });
  for (const [name, id] of [["part_id", "part"], ["station", "station"]]) {
    if (at(id).value.trim()) query.set(name, at(id).value.trim());
  }
  const headers = { "content-type": file.type || "application/octet-stream" };
  if (at("key").value) headers["x-api-key"] = at("key").value;
  try {
    const answer = await fetch(`/score?${query}`, { method: "POST", headers, body: file });
    const told = await answer.json();
    if (!answer.ok) {
      if (answer.status === 401) at("key-field").hidden = false;
      throw new Error(answer.status === 401 ? "This service asks for a key: enter it and choose the photo again." : told.error.message);
    }
    shown.bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    shown.photo = told.photos[0];
    shown.heat = await heatOf(shown.photo.heat_map);
    tell(told, file, query);
  } catch (error) {
    at("answer").hidden = true;
    at("error").textContent = error.message;
    at("error").hidden = false;
  }
  at("status").textContent = "";
}

// A grey PNG of probabilities becomes yellow to red, clear where p is low.
async function heatOf(map) {
  const bytes = Uint8Array.from(atob(map.png), (c) => c.charCodeAt(0));
  const grey = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = new OffscreenCanvas(grey.width, grey.height);
  const context = canvas.getContext("2d");
  context.drawImage(grey, 0, 0);
  const pixels = context.getImageData(0, 0, grey.width, grey.height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const p = pixels.data[i] / 255;
    pixels.data.set([255, Math.round(220 * (1 - p)), 40, Math.round(255 * p)], i);
  }
  context.putImageData(pixels, 0, 0);
  return { canvas, first: map.first_px, stride: map.stride_px };
}

function draw() {
  const { bitmap, photo, heat } = shown;
  const canvas = at("photo");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  if (at("show-heat").checked) {
    context.globalAlpha = at("strength").value / 100;
    const corner = heat.first - heat.stride / 2;
    context.drawImage(heat.canvas, corner, corner, heat.canvas.width * heat.stride, heat.canvas.height * heat.stride);
    context.globalAlpha = 1;
  }
  if (!at("show-defects").checked) return;
  // Lines keep their width on the screen, however large the photo is.
  const unit = Math.max(bitmap.width / (canvas.clientWidth || bitmap.width), 0.5);
  context.font = `600 ${14 * unit}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  photo.defects.forEach((defect, index) => {
    const radius = Math.max(24, 14 * unit);
    for (const [width, colour] of [[5, "#000"], [2.5, "#ffb000"]]) {
      context.beginPath();
      context.arc(defect.x, defect.y, radius, 0, 2 * Math.PI);
      context.lineWidth = width * unit;
      context.strokeStyle = colour;
      context.stroke();
    }
    const right = defect.x + radius + 24 * unit < bitmap.width;
    context.textAlign = right ? "left" : "right";
    const x = defect.x + (right ? 1 : -1) * (radius + 6 * unit);
    context.lineWidth = 4 * unit;
    context.strokeStyle = "#000";
    context.strokeText(index + 1, x, defect.y);
    context.fillStyle = "#ffb000";
    context.fillText(index + 1, x, defect.y);
  });
}

function tell(told, file, query) {
  const photo = told.photos[0];
  at("answer").hidden = false;
  at("verdict").className = `verdict ${told.verdict}`;
  at("verdict-mark").textContent = told.verdict === "ok" ? "✓" : "!";
  const n = photo.defects.length;
  at("verdict-text").textContent = told.verdict === "ok" ? "No defect" : n === 1 ? "1 defect" : `${n} defects`;
  at("verdict-p").textContent = `p ${photo.p.toFixed(4)}, threshold ${photo.threshold.toFixed(4)}`;
  const body = at("defects").tBodies[0];
  body.replaceChildren(...photo.defects.map((defect, index) => {
    const row = document.createElement("tr");
    for (const text of [index + 1, defect.x.toFixed(1), defect.y.toFixed(1), defect.p.toFixed(4)]) {
      row.insertCell().textContent = text;
    }
    return row;
  }));
  at("defects").hidden = n === 0;
  const facts = {
    photo: `${photo.width_px} x ${photo.height_px} px`, took: `${photo.latency_ms.toFixed(0)} ms`, model: photo.model_id,
    score: photo.score_id, request: told.request_id,
  };
  at("facts").replaceChildren(...Object.entries(facts).flatMap(([name, value]) => {
    const term = document.createElement("dt"), fact = document.createElement("dd");
    term.textContent = name;
    fact.textContent = value;
    return [term, fact];
  }));
  at("curl").textContent = curl(file, query);
  draw();
}

function curl(file, query) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const key = at("key").value ? ` -H "X-API-Key: $DENTLINE_KEY"` : "";
  return `curl${key} -H ${quoted(`Content-Type: ${file.type || "application/octet-stream"}`)} ` +
    `--data-binary ${quoted(`@${file.name}`)} ${quoted(`${location.origin}/score?${query}`)}`;
}

function choose(files) {
  if (files.length) score(files[0]);
}

at("file").addEventListener("change", (event) => {
  choose(event.target.files);
  event.target.value = "";
});
for (const [name, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", over);
    if (name === "drop") choose(event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => choose(event.clipboardData.files));
for (const id of ["show-defects", "show-heat", "strength"]) at(id).addEventListener("input", draw);
at("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText(at("curl").textContent);
  at("copy").textContent = "Copied";
  setTimeout(() => { at("copy").textContent = "Copy"; }, 1500);
});
window.addEventListener("resize", () => { if (shown.bitmap && !at("answer").hidden) draw(); });
at("fields").addEventListener("submit", (event) => event.preventDefault());
greet();
