-- A dissector of sendrec's packets for Wireshark and tshark.
--
-- Use it once:      tshark -X lua_script:sendrec.lua -r trace.pcapng
-- or for good:      put it into the personal Lua plugins folder (Help, About Wireshark, Folders).
-- It recognises packets by their first bytes, on whatever UDP port they are. Analyze, Decode As sets a port by hand.

local HEADER_BYTES = 80
local MAGIC = 0x53
local VERSION = 1

local types = {
    [1] = "REQ", [2] = "REP", [3] = "ACK", [4] = "AYA", [5] = "IAA", [6] = "TA", [7] = "AU", [8] = "LOCATE",
    [9] = "HERE",
}
-- Bytes behind the header; REQ and REP carry payload of any length.
local bodies = { [3] = 0, [4] = 8, [5] = 24, [6] = 16, [7] = 40, [8] = 16, [9] = 16 }
local statuses = { [0] = "alive", [1] = "queued", [2] = "executing" }
local refusals = { [1] = "mailbox full", [2] = "window full", [3] = "kernel full" }
local unknowns = {
    [1] = "no such process", [2] = "process ended, request not run", [3] = "process ended while running it",
    [4] = "unknown request", [5] = "reply discarded", [6] = "stale epoch", [7] = "sender's epoch is old",
}

local sendrec = Proto("sendrec", "sendrec message passing")
local f = {
    magic = ProtoField.uint8("sendrec.magic", "Magic", base.HEX),
    version = ProtoField.uint8("sendrec.version", "Version", base.DEC, nil, 0xf0),
    type = ProtoField.uint8("sendrec.type", "Type", base.DEC, types, 0x0f),
    flags = ProtoField.uint16("sendrec.flags", "Flags", base.HEX),
    checksum = ProtoField.uint32("sendrec.checksum", "Checksum (CRC-32)", base.HEX),
    source_epoch = ProtoField.uint64("sendrec.source_epoch", "Source epoch"),
    destination_epoch = ProtoField.uint64("sendrec.destination_epoch", "Destination epoch"),
    number = ProtoField.uint64("sendrec.number", "Packet number"),
    source = ProtoField.uint32("sendrec.source", "Source local id"),
    destination = ProtoField.uint32("sendrec.destination", "Destination local id"),
    sequence = ProtoField.uint64("sendrec.sequence", "Sequence"),
    floor = ProtoField.uint64("sendrec.floor", "Floor"),
    answered = ProtoField.uint64("sendrec.answered", "Answered above the floor", base.HEX),
    elapsed = ProtoField.uint32("sendrec.elapsed", "Elapsed (us)"),
    offset = ProtoField.uint32("sendrec.offset", "Fragment offset"),
    length = ProtoField.uint32("sendrec.length", "Message length"),
    blast = ProtoField.uint32("sendrec.blast", "Blast"),
    payload = ProtoField.bytes("sendrec.payload", "Payload"),
    nonce = ProtoField.uint64("sendrec.nonce", "Nonce", base.HEX),
    status = ProtoField.uint8("sendrec.status", "Status", base.DEC, statuses),
    uptime = ProtoField.uint64("sendrec.uptime", "Uptime (us)"),
    refused = ProtoField.uint64("sendrec.refused", "Refused packet number"),
    wait = ProtoField.uint32("sendrec.wait", "Wait (us)"),
    ta_reason = ProtoField.uint8("sendrec.ta.reason", "Reason", base.DEC, refusals),
    au_reason = ProtoField.uint8("sendrec.au.reason", "Reason", base.DEC, unknowns),
    known = ProtoField.uint64("sendrec.known_epoch", "Known epoch"),
    sparse = ProtoField.uint64("sendrec.sparse", "Sparse id", base.HEX),
}
-- In the order of their bits, with the word that the info column has for it.
local flags = {
    { "from_server", "From server", "of request" },
    { "one_way", "One-way", "one-way" },
    { "at_least_once", "At least once", nil },
    { "ack_each", "Every message acknowledged", nil },
    { "reply_acks", "Reply acknowledges", nil },
    { "again", "Sent again", "(again)" },
    { "cached", "From cache", "(from cache)" },
    { "has_checksum", "Has a checksum", nil },
}
local all = {}
for _, field in pairs(f) do
    all[#all + 1] = field
end
for place, flag in ipairs(flags) do
    flag.bit = 2 ^ (place - 1)
    flag.field = ProtoField.bool("sendrec.flags." .. flag[1], flag[2], 16, nil, flag.bit)
    all[#all + 1] = flag.field
end
sendrec.fields = all
local wrong_length = ProtoExpert.new("sendrec.wrong_length", "Wrong length for its type",
    expert.group.MALFORMED, expert.severity.ERROR)
sendrec.experts = { wrong_length }

local function text(names, code)
    return names[code] or ("unknown (" .. code .. ")")
end

-- Each adds the body of a type to the tree and returns its words for the info column.
local body = {}

body[4] = function(tvb, tree)
    tree:add(f.nonce, tvb(80, 8))
    return ""
end

body[5] = function(tvb, tree)
    tree:add(f.status, tvb(80, 1))
    tree:add(f.nonce, tvb(88, 8))
    tree:add(f.uptime, tvb(96, 8))
    return " " .. text(statuses, tvb(80, 1):uint())
end

body[6] = function(tvb, tree)
    tree:add(f.refused, tvb(80, 8))
    tree:add(f.wait, tvb(88, 4))
    tree:add(f.ta_reason, tvb(92, 1))
    return " refuses #" .. tostring(tvb(80, 8):uint64()) .. ": " .. text(refusals, tvb(92, 1):uint())
end

body[7] = function(tvb, tree)
    tree:add(f.au_reason, tvb(80, 1))
    tree:add(f.refused, tvb(88, 8))
    tree:add(f.known, tvb(96, 8))
    tree:add(f.uptime, tvb(104, 8))
    tree:add(f.nonce, tvb(112, 8))
    return " refuses #" .. tostring(tvb(88, 8):uint64()) .. ": " .. text(unknowns, tvb(80, 1):uint())
end

body[8] = function(tvb, tree)
    tree:add(f.sparse, tvb(80, 8))
    tree:add(f.nonce, tvb(88, 8))
    return " sparse:" .. tvb(80, 8):bytes():tohex(true)
end

body[9] = body[8]

local function add_header(tvb, tree)
    tree:add(f.magic, tvb(0, 1))
    tree:add(f.version, tvb(1, 1))
    tree:add(f.type, tvb(1, 1))
    local set = tree:add(f.flags, tvb(2, 2))
    for _, flag in ipairs(flags) do
        set:add(flag.field, tvb(2, 2))
    end
    tree:add(f.checksum, tvb(4, 4))
    tree:add(f.source_epoch, tvb(8, 8))
    tree:add(f.destination_epoch, tvb(16, 8))
    tree:add(f.number, tvb(24, 8))
    tree:add(f.source, tvb(32, 4))
    tree:add(f.destination, tvb(36, 4))
    tree:add(f.sequence, tvb(40, 8))
    tree:add(f.floor, tvb(48, 8))
    tree:add(f.answered, tvb(56, 8))
    tree:add(f.elapsed, tvb(64, 4))
    tree:add(f.offset, tvb(68, 4))
    tree:add(f.length, tvb(72, 4))
    tree:add(f.blast, tvb(76, 4))
end

local function info(tvb, kind, words)
    local parts = { types[kind], " #", tostring(tvb(24, 8):uint64()), " ", tvb(32, 4):uint(), "->", tvb(36, 4):uint() }
    local sequence = tvb(40, 8):uint64()
    if sequence ~= UInt64(0) then
        parts[#parts + 1] = " seq " .. tostring(sequence)
    end
    if kind <= 2 then
        parts[#parts + 1] = " " .. (tvb:len() - HEADER_BYTES) .. "B"
    end
    parts[#parts + 1] = words
    local bits = tvb(2, 2):uint()
    for _, flag in ipairs(flags) do
        if flag[3] and math.floor(bits / flag.bit) % 2 == 1 then
            parts[#parts + 1] = " " .. flag[3]
        end
    end
    return table.concat(parts)
end

local function recognises(tvb)
    if tvb:len() < HEADER_BYTES or tvb(0, 1):uint() ~= MAGIC then
        return false
    end
    local second = tvb(1, 1):uint()
    return math.floor(second / 16) == VERSION and types[second % 16] ~= nil
end

function sendrec.dissector(tvb, pinfo, root)
    if not recognises(tvb) then
        return 0
    end
    local kind = tvb(1, 1):uint() % 16
    pinfo.cols.protocol = "sendrec"
    local tree = root:add(sendrec, tvb(), "sendrec " .. types[kind])
    add_header(tvb, tree)
    local length = tvb:len() - HEADER_BYTES
    local words = ""
    if bodies[kind] and bodies[kind] ~= length then
        tree:add_proto_expert_info(wrong_length)
    elseif body[kind] then
        words = body[kind](tvb, tree)
    elseif length > 0 then
        tree:add(f.payload, tvb(HEADER_BYTES))
    end
    pinfo.cols.info = info(tvb, kind, words)
    return tvb:len()
end

sendrec:register_heuristic("udp", function(tvb, pinfo, root)
    if not recognises(tvb) then
        return false
    end
    sendrec.dissector(tvb, pinfo, root)
    -- The rest of the conversation needs no more guessing.
    pinfo.conversation = sendrec
    return true
end)
DissectorTable.get("udp.port"):add_for_decode_as(sendrec)
