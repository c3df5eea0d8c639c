-- A dissector of sendrec's packets for Wireshark and tshark.
--
-- Use it once:      tshark -X lua_script:sendrec.lua -r trace.pcapng
-- or for good:      put it into the personal Lua plugins folder (Help, About Wireshark, Folders).
-- It recognises packets by their first bytes, on whatever UDP port they are. Analyze, Decode As sets a port by hand.

local HEADER_BYTES = 80
-- Behind the header of a part of a longer message, and of a report.
local FRAGMENT_BYTES = 16
local REPORT_BYTES = 32
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
    transfer = ProtoField.uint32("sendrec.transfer", "Transfer"),
    piece_bytes = ProtoField.uint32("sendrec.piece_bytes", "Bytes of a piece"),
    piece = ProtoField.uint32("sendrec.piece", "Piece, from 1"),
    pieces = ProtoField.uint32("sendrec.pieces", "Pieces of the message"),
    message_checksum = ProtoField.uint32("sendrec.message_checksum", "Message checksum (CRC-32)", base.HEX),
    gap_after = ProtoField.uint8("sendrec.gap_after", "A gap is reported after so many later pieces"),
    newest = ProtoField.uint64("sendrec.report.newest", "Newest packet number"),
    report_base = ProtoField.uint32("sendrec.report.base", "All pieces before this one are there, from 0"),
    report_from = ProtoField.uint32("sendrec.report.from", "Listed from piece, from 0"),
    report_to = ProtoField.uint32("sendrec.report.to", "Listed up to piece"),
    window = ProtoField.uint32("sendrec.report.window", "Pieces that may be under way"),
    list = ProtoField.bytes("sendrec.report.list", "Missing pieces"),
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
    { "this_incarnation", "This incarnation is meant", nil },
    { "fragment", "Part of a longer message", nil },
    { "report", "Report, or one is wanted", nil },
    { "has_message_checksum", "The message has a checksum", nil },
}
local all = {}
for _, field in pairs(f) do
    all[#all + 1] = field
end
for place, flag in ipairs(flags) do
    flag.bit = 2 ^ (place - 1)
    flags[flag[1]] = flag
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

-- Whether a number has this power of two.
local function is_set(number, bit)
    return math.floor(number / bit) % 2 == 1
end

local function has(tvb, flag)
    return is_set(tvb(2, 2):uint(), flags[flag].bit)
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

-- A part of a longer message: its extension, and its payload.
local function add_fragment(tvb, tree)
    tree:add(f.transfer, tvb(80, 4))
    tree:add(f.piece_bytes, tvb(84, 4))
    tree:add(f.message_checksum, tvb(88, 4))
    tree:add(f.gap_after, tvb(92, 1))
    local size = tvb(84, 4):uint()
    local words = ""
    if size > 0 then
        local piece = math.floor(tvb(68, 4):uint() / size) + 1
        local pieces = math.ceil(tvb(72, 4):uint() / size)
        tree:add(f.piece, tvb(68, 4), piece):set_generated()
        tree:add(f.pieces, tvb(72, 4), pieces):set_generated()
        words = " piece " .. piece .. "/" .. pieces
    end
    local bytes = tvb:len() - HEADER_BYTES - FRAGMENT_BYTES
    if bytes > 0 then
        tree:add(f.payload, tvb(HEADER_BYTES + FRAGMENT_BYTES))
    end
    return words .. " " .. bytes .. "B" .. (has(tvb, "report") and " (asks)" or "")
end

-- The pieces that a list names as missing, as people count them.
local function missing(list, from, to)
    local parts = {}
    local function add(first, behind)
        if first < behind then
            parts[#parts + 1] = behind == first + 1 and tostring(behind) or ((first + 1) .. "-" .. behind)
        end
    end
    local coding = list(0, 1):uint()
    if coding == 0 then
        for at = 1, list:len() - 8, 8 do
            add(list(at, 4):uint(), list(at, 4):uint() + list(at + 4, 4):uint())
        end
    elseif coding == 1 then
        -- Up to the end, where nothing is missing any more and the last run ends.
        local first, last = nil, math.min(to, from + 8 * (list:len() - 1))
        for piece = from, last do
            local place = piece - from
            if piece < last and is_set(list(1 + math.floor(place / 8), 1):uint(), 2 ^ (place % 8)) then
                first = first or piece
            elseif first then
                add(first, piece)
                first = nil
            end
        end
    else
        return "unknown coding " .. coding
    end
    return table.concat(parts, ",")
end

-- How far a transfer is.
local function add_report(tvb, tree)
    tree:add(f.newest, tvb(80, 8))
    tree:add(f.transfer, tvb(88, 4))
    tree:add(f.report_base, tvb(92, 4))
    tree:add(f.report_from, tvb(96, 4))
    tree:add(f.report_to, tvb(100, 4))
    tree:add(f.window, tvb(104, 4))
    local from, to = tvb(96, 4):uint(), tvb(100, 4):uint()
    local words = " has first " .. tvb(92, 4):uint()
    if to < from then
        words = " came out wrong: all anew"
    end
    if tvb:len() > HEADER_BYTES + REPORT_BYTES then
        local list = tvb(HEADER_BYTES + REPORT_BYTES)
        local named = missing(list, from, to)
        tree:add(f.list, list):append_text(": " .. (named == "" and "none" or named))
        if named ~= "" then
            words = words .. ", missing " .. named
        end
    end
    return words .. ", room " .. tvb(104, 4):uint()
end

local function info(tvb, kind, words)
    local parts = { types[kind], " #", tostring(tvb(24, 8):uint64()), " ", tvb(32, 4):uint(), "->", tvb(36, 4):uint() }
    local sequence = tvb(40, 8):uint64()
    if sequence ~= UInt64(0) then
        parts[#parts + 1] = " seq " .. tostring(sequence)
    end
    if kind <= 2 and words == "" then
        parts[#parts + 1] = " " .. (tvb:len() - HEADER_BYTES) .. "B"
    end
    parts[#parts + 1] = words
    for _, flag in ipairs(flags) do
        if flag[3] and has(tvb, flag[1]) then
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
    local is_report = kind == 3 and has(tvb, "report")
    local is_fragment = kind <= 2 and has(tvb, "fragment")
    if (is_report and length < REPORT_BYTES) or (is_fragment and length < FRAGMENT_BYTES) then
        tree:add_proto_expert_info(wrong_length)
    elseif is_report then
        words = add_report(tvb, tree)
    elseif is_fragment then
        words = add_fragment(tvb, tree)
    elseif bodies[kind] and bodies[kind] ~= length then
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
