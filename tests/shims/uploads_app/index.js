// An app as it is on Replit: multer writes to the local disk, Express sends from there. tests/shims.rs runs it once `app prepare` has been at it.
const assert = require('node:assert/strict')
const express = require('express')
const fs = require('fs')
const multer = require('multer')
const path = require('path')

const app = express()
const uploadDir = path.join(__dirname, 'uploads')
if (!fs.existsSync(uploadDir)) fs.mkdirSync(uploadDir, { recursive: true })
const avatars = multer({ dest: 'uploads/', limits: { fileSize: 1000 } })
const papers = multer({
  storage: multer.diskStorage({
    destination: function (req, file, cb) {
      cb(null, uploadDir)
    },
    filename: (req, file, cb) => cb(null, `${Date.now()}-${file.originalname}`),
  }),
})
app.post('/avatar', avatars.single('file'), (req, res) => res.json(req.file))
app.post('/paper', papers.single('file'), (req, res) => res.json({ url: `/uploads/${req.file.filename}` }))
app.post('/count', papers.single('file'), async (req, res) => {
  const text = fs.readFileSync(req.file.path, 'utf8')
  fs.unlinkSync(req.file.path)
  res.json({ words: text.split(' ').length, left: fs.existsSync(req.file.path), path: req.file.path })
})
app.use('/uploads', express.static(uploadDir))

const server = app.listen(0, '127.0.0.1', async () => {
  const at = `http://127.0.0.1:${server.address().port}`
  const post = (to, name, text) => {
    const form = new FormData()
    form.append('file', new Blob([text]), name)
    return fetch(`${at}${to}`, { method: 'POST', body: form })
  }
  const onDisk = () => fs.readdirSync(uploadDir).length
  const avatar = await (await post('/avatar', 'me.png', 'a face')).json()
  assert.match(avatar.path, /^uploads\/[0-9a-f]{32}$/)
  assert.equal(await (await fetch(`${at}/uploads/${avatar.filename}`)).text(), 'a face')
  const { url } = await (await post('/paper', 'paper.txt', 'words of mine')).json()
  const paper = await fetch(`${at}${url}`)
  assert.equal(await paper.text(), 'words of mine')
  assert.equal(paper.headers.get('content-type').toLowerCase(), 'text/plain; charset=utf-8')
  assert.equal((await fetch(`${at}/uploads/nowhere`)).status, 404)
  const kept = onDisk()
  assert.equal((await post('/avatar', 'large.png', 'x'.repeat(1001))).status, 500)
  const count = await (await post('/count', 'a.txt', 'one two three')).json()
  assert.deepEqual([count.words, count.left], [3, false])
  assert.ok(path.isAbsolute(count.path))
  assert.equal(onDisk(), kept, 'nothing is left of what was deleted or too large')
  assert.equal(kept, process.env.S3_BUCKET ? 0 : 2)
  console.log(`the prepared app keeps its files ${process.env.S3_BUCKET ? 'in S3' : 'on the disk'}`)
  process.exit(0)
})
