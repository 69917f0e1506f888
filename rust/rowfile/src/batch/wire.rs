//! The protobuf wire format: fields one after the other
//! (Protocol Buffers documentation, "Encoding").

/// For errors: a known field came with another wire type than the contract's.
pub(super) const FIELD_TYPES: &str = "fields of the contract's types";

/// Groups are out of use; this bounds what a hostile message may nest.
const MAX_GROUP_DEPTH: usize = 100;

/// The most bytes that a field's tag and length take: five and ten.
pub(super) const MAX_DELIMITED_HEADER_BYTES: usize = 15;

/// Appends a length-delimited field.
pub(super) fn push_delimited(message: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    push_varint(message, u64::from(number << 3 | 2));
    push_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

/// Appends an integer.
pub(super) fn push_varint_field(message: &mut Vec<u8>, number: u32, value: u64) {
    push_varint(message, u64::from(number << 3));
    push_varint(message, value);
}

fn push_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push((value & 0x7f | 0x80).to_le_bytes()[0]);
        value >>= 7;
    }
    message.push(value.to_le_bytes()[0]);
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Truncated,
    Varint,
    Tag,
    Group,
}

impl Fault {
    /// What should have been there.
    #[cold]
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Truncated => "a whole protobuf message",
            Self::Varint => "protobuf varints of at most 64 bits",
            Self::Tag => "protobuf field tags",
            Self::Group => "protobuf groups that are closed",
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// 32 or 64 fixed bits, or a group: types no field of the contract has.
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
}

/// The fields of a message from a position on.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self::from(bytes, 0)
    }

    pub(super) fn from(bytes: &'a [u8], position: usize) -> Self {
        Self { bytes, position }
    }

    /// Where the next field starts.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// The next field; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Field<'a>>, Fault> {
        if self.position >= self.bytes.len() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let value = match wire_type {
            0 => Value::Varint(self.varint()?),
            2 => Value::Bytes(self.delimited()?),
            3 => self.skip_group(number)?,
            _ => self.skip_fixed(wire_type)?,
        };
        Ok(Some(Field { number, value }))
    }

    #[inline]
    fn tag(&mut self) -> Result<(u32, u32), Fault> {
        let tag = u32::try_from(self.varint()?).map_err(|_| Fault::Tag)?;
        if tag < 8 {
            return Err(Fault::Tag);
        }
        Ok((tag >> 3, tag & 7))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        match self.bytes.get(self.position) {
            Some(&byte) if byte < 0x80 => {
                self.position += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.position).ok_or(Fault::Truncated)?;
            self.position += 1;
            if shift == 63 && byte > 1 {
                return Err(Fault::Varint);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::Varint)
    }

    #[inline]
    fn delimited(&mut self) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(self.varint()?).map_err(|_| Fault::Truncated)?;
        self.take(length)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let end = self.position.checked_add(length).ok_or(Fault::Truncated)?;
        let taken = self.bytes.get(self.position..end).ok_or(Fault::Truncated)?;
        self.position = end;
        Ok(taken)
    }

    fn skip_fixed(&mut self, wire_type: u32) -> Result<Value<'a>, Fault> {
        match wire_type {
            1 => self.take(8)?,
            5 => self.take(4)?,
            _ => return Err(Fault::Tag),
        };
        Ok(Value::Other)
    }

    fn skip_group(&mut self, number: u32) -> Result<Value<'a>, Fault> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let (number, wire_type) = self.tag()?;
            match wire_type {
                0 => drop(self.varint()?),
                2 => drop(self.delimited()?),
                3 if open.len() < MAX_GROUP_DEPTH => open.push(number),
                4 if number == innermost => drop(open.pop()),
                3 | 4 => return Err(Fault::Group),
                _ => drop(self.skip_fixed(wire_type)?),
            }
        }
        Ok(Value::Other)
    }
}
